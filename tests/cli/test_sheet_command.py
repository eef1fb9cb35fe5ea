"""``sheet``: every style on one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import photo_pixels
from PIL import Image

from style_transfer.cli.main import main
from style_transfer.media.sheet import of_height
from style_transfer.runtime.margin import paint_with_margin
from style_transfer.runtime.stylizer import Stylizer

GAP, CAPTION = 6, 18  # pixels


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.fromarray(photo_pixels(32, 48)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def words(gallery: Path) -> list[str]:
    return ["--model", str(gallery), "--device", "cpu", "--precision", "fp32", "--height", "64"]


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def test_one_photo_beside_itself_in_every_style(
    photo: Path, gallery: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    output = photo.with_name("sheet.png")
    assert main(["sheet", str(photo), "-o", str(output), *words, "--columns", "2"]) == 0
    assert capsys.readouterr().out == f"{output}\n"
    sheet = pixels(output)
    width = 96
    assert sheet.shape == (2 * (CAPTION + 64 + GAP), 2 * width + 3 * GAP, 3)
    stylizer = Stylizer(gallery, device="cpu", precision="fp32")
    plain = photo_pixels(32, 48)
    first, second = (
        paint_with_margin(stylizer, plain, stylizer.make_look(name)) for name in stylizer.model.style_names
    )
    below, beside = 2 * CAPTION + 64 + GAP, 2 * GAP + width
    for top, left, picture in ((CAPTION, GAP, plain), (CAPTION, beside, first), (below, GAP, second)):
        assert np.abs(sheet[top : top + 64, left : left + width] - of_height(picture, 64)).max() <= 1
    assert (sheet[below:, beside:] == 255).all()  # three on lines of two


def test_several_photos_have_a_line_for_each_style(tmp_path: Path, photo: Path, words: list[str]) -> None:
    Image.fromarray(photo_pixels(32, 32)).save(tmp_path / "square.png")
    output = tmp_path / "out" / "sheet.png"
    assert main(["sheet", str(photo), str(tmp_path / "square.png"), "-o", str(output), *words]) == 0
    assert pixels(output).shape == (3 * (CAPTION + 64 + GAP), 96 + 64 + 3 * GAP, 3)


def test_the_look_and_the_size_of_the_strokes_are_asked_for(photo: Path, words: list[str]) -> None:
    sheets = []
    for number, more in enumerate(([], ["--strength", "0"], ["--paint-size", "24"])):
        output = photo.with_name(f"{number}.png")
        assert main(["sheet", str(photo), "-o", str(output), *words, *more, "--columns", "3"]) == 0
        sheets.append(pixels(output)[CAPTION : CAPTION + 64])
    painted, plain, large = sheets
    beside = 2 * GAP + 96
    assert (plain[:, beside : beside + 96] == plain[:, GAP : GAP + 96]).all()
    assert np.abs(painted - plain).max() > 20
    assert np.abs(large - painted).mean() > 1


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--height", "8"], "--height must be 16 or more"),
        (["--columns", "0"], "--columns must be 1 or more"),
        (["--paint-size", "2"], "--paint-size must be 16 or more"),
        (["--strength", "2"], "strength"),
        (["-o", "sheet.txt"], "cannot write 'sheet.txt'"),
        (["-o", "{photo}", "--overwrite"], "an input, would be written over"),
        (["-o", "{photo}"], "exists; give another -o, or --overwrite"),
    ],
)
def test_what_cannot_be_meant(
    flags: list[str], why: str, photo: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = photo.read_bytes()
    assert main(["sheet", str(photo), *words, *(flag.format(photo=photo) for flag in flags)]) == 2
    assert why in capsys.readouterr().err
    assert photo.read_bytes() == before
    assert [path.name for path in photo.parent.iterdir() if path.suffix != ".safetensors"] == ["photo.png"]


def test_a_folder_of_thousands_is_no_sheet(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(41):
        (folder / f"{number}.jpg").touch()
    assert main(["sheet", str(folder), *words]) == 2
    assert "up to 40 photos, and these are 41" in capsys.readouterr().err
