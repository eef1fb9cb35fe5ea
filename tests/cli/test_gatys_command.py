"""``gatys`` from files to a file, in this process; and stopped, as a process of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import photo_pixels, pressing_ctrl_c
from PIL import Image

from style_transfer.cli import gatys_run
from style_transfer.cli.main import main
from style_transfer.errors import OutputError
from style_transfer.media.image import Picture, read_image


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.fromarray(photo_pixels(40, 56)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def pixels(path: Path) -> np.ndarray:
    return read_image(path).frames[0].astype(int)


@pytest.fixture
def words(photo: Path, paintings: list[Path], vgg_file: Path) -> list[str]:
    return ["gatys", str(photo), str(paintings[0]), "--vgg-weights", str(vgg_file), "--style-size", "64",
            "--iterations", "3", "--device", "cpu"]  # fmt: skip


def test_a_photo_is_painted_and_nothing_else_is_left(words: list[str], photo: Path, capsys: Any) -> None:
    assert main([*words, "--preview-every", "1"]) == 0
    printed = capsys.readouterr()
    target = photo.with_name("photo_wave.png")
    assert printed.out == f"{target}\n"
    assert "56x40 pixels, cpu" in printed.err
    assert "iteration 0: content 0, style " in printed.err
    assert "3 iterations in" in printed.err
    assert {path.name for path in photo.parent.iterdir()} == {"photo.png", "photo_wave.png"}
    painted = pixels(target)
    assert painted.shape == (40, 56, 3)
    assert np.abs(painted - pixels(photo)).mean() > 2


def test_colours_that_nobody_sees_decide_nothing(words: list[str], photo: Path, tmp_path: Path) -> None:
    painted = []
    for hidden in (0, 255):
        part = np.dstack([photo_pixels(40, 56), np.full((40, 56), 255, np.uint8)])
        part[:, 30:] = (hidden, 255 - hidden, hidden, 0)
        Image.fromarray(part).save(photo)
        assert main([*words, "--overwrite", "-o", str(tmp_path / "x.png")]) == 0
        painted.append(read_image(tmp_path / "x.png"))
    assert (painted[0].frames[0] == painted[1].frames[0]).all()
    assert painted[0].alphas[0] is not None


def test_the_seed_decides_what_comes_of_noise(words: list[str], tmp_path: Path) -> None:
    pictures = []
    for number, seed in enumerate((1, 1, 2)):
        target = tmp_path / f"{number}.png"
        assert main([*words, "--init", "noise", "--seed", str(seed), "-o", str(target)]) == 0
        pictures.append(pixels(target))
    assert (pictures[0] == pictures[1]).all()
    assert (pictures[0] != pictures[2]).any()


def test_the_size_asked_for(words: list[str], tmp_path: Path) -> None:
    assert main([*words, "--image-size", "32", "-o", str(tmp_path / "x.jpg"), "--iterations", "1"]) == 2
    assert main([*words, "--image-size", "64", "-o", str(tmp_path / "x.jpg"), "--iterations", "1"]) == 0
    assert pixels(tmp_path / "x.jpg").shape == (46, 64, 3)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--iterations", "0"], "--iterations must be 1 or more"),
        (["--image-size", "8"], "--image-size must be 32 or more"),
        (["--style-weight", "-1"], "--style-weight must be 0 or more"),
        (["-o", "x.doc"], "ends in '.doc'"),
        (["--vgg-weights", "missing.pth"], "no VGG19 weights file"),
        (["--precision", "fp16"], "fp16 needs a GPU"),
    ],
)
def test_what_cannot_be_meant(words: list[str], capsys: Any, more: list[str], said: str) -> None:
    assert main([*words, *more]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert said in lines[-1]
    assert lines[-1].startswith("error: ")


def test_what_is_there_is_kept(words: list[str], photo: Path, capsys: Any) -> None:
    target = photo.with_name("photo_wave.png")
    target.write_text("mine")
    assert main(words) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert target.read_text() == "mine"
    assert main([*words, "--overwrite"]) == 0
    assert pixels(target).shape == (40, 56, 3)


def test_no_input_is_ever_overwritten(words: list[str], photo: Path, capsys: Any) -> None:
    for given in (photo, Path(words[2])):
        before = given.read_bytes()
        assert main([*words, "--overwrite", "-o", str(given)]) == 2
        assert "would be written over; give another -o" in capsys.readouterr().err
        assert given.read_bytes() == before
    left = photo.with_name("x.preview.png")
    left.write_bytes(photo.read_bytes())
    assert main([words[0], str(left), *words[2:], "-o", str(photo.with_name("x.png"))]) == 2
    assert "x.preview.png', an input, would be written over" in capsys.readouterr().err
    assert left.exists()


def test_a_preview_of_others_is_kept(words: list[str], photo: Path, capsys: Any) -> None:
    other = photo.with_name("photo_wave.preview.png")
    other.write_text("mine")
    assert main([*words, "--preview-every", "1"]) == 2
    assert "photo_wave.preview.png', where previews go, exists" in capsys.readouterr().err
    assert main([*words, "--preview-every", "0"]) == 0
    assert other.read_text() == "mine"


def test_a_preview_that_cannot_be_written_ends_nothing(
    words: list[str], photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    write_image = gatys_run.write_image

    def write(picture: Picture, target: Path) -> None:
        if ".preview" in target.name:
            raise OutputError(f"cannot write '{target}': a viewer has it open")
        write_image(picture, target)

    monkeypatch.setattr(gatys_run, "write_image", write)
    assert main([*words, "--preview-every", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("a viewer has it open") == 1
    assert "3 iterations in" in printed.err
    assert photo.with_name("photo_wave.png").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
def test_ctrl_c_keeps_what_there_is(words: list[str], photo: Path) -> None:
    preview = photo.with_name("photo_wave.preview.png")
    words = ["-m", "style_transfer", *words, "--iterations", "100000", "--preview-every", "1"]
    code, out, err = pressing_ctrl_c(*words, once=preview.exists)
    assert code == 130, err
    assert out == f"{photo.with_name('photo_wave.png')}\n"
    assert "stopping after this iteration" in err
    assert "Traceback" not in err
    assert {path.name for path in photo.parent.iterdir()} == {"photo.png", "photo_wave.png"}
