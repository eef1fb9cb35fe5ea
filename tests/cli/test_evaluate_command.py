"""``evaluate`` on tiny photos and clips: tables on stdout, figures in JSON, pictures to look at."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip
from helpers import HELD_OUT, make_model, photo_pixels
from PIL import Image

from style_transfer.cli import evaluate_clips
from style_transfer.cli.evaluate_photos import _names
from style_transfer.cli.main import main
from style_transfer.evaluation import photos
from style_transfer.networks.catalogue import load_model
from style_transfer.networks.model_file import save_model
from style_transfer.networks.style_model import StyleModel


@pytest.fixture
def model_file(tmp_path: Path, model: StyleModel) -> Path:
    model.training = {"style_size": 64, "style_weight": 5.0}
    save_model(model, tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


@pytest.fixture
def style_images(tmp_path: Path) -> Path:
    """Paintings named after the model's styles, and one more."""
    folder = tmp_path / "paintings"
    folder.mkdir()
    for seed, name in enumerate(("great_wave", "starry_night", "the_scream", "mona_lisa")):
        Image.fromarray(photo_pixels(64, 72, 20 + seed)).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def on_photos(model_file: Path, style_images: Path, photo_folder: Path, vgg_file: Path) -> list[str]:
    return ["evaluate", str(model_file), "--photos", str(photo_folder), "--style-images", str(style_images),
            "--vgg-weights", str(vgg_file), "--image-size", "32", "--iterations", "2", "--device", "cpu",
            "--engine", "torch", "--precision", "fp32"]  # fmt: skip


def test_photos_against_the_optimisation(on_photos: list[str], tmp_path: Path, capsys: Any) -> None:
    report, pictures = tmp_path / "r.json", tmp_path / "pictures"
    words = [*on_photos, "--styles", "the_scream", "great_wave", "--json", str(report)]
    assert main([*words, "--pictures", str(pictures)]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert [line.split()[0] for line in lines] == ["style", "the_scream", "great_wave", "all"]
    assert "the_scream, p19: total" in printed.err

    found = json.loads(report.read_text())
    assert found["objective"]["style_weight"] == 5
    assert found["photos"]["photos"] == list(HELD_OUT)
    assert len(found["photos"]["pairs"]) == 4
    for pair in found["photos"]["pairs"]:
        losses = pair["losses"]
        assert pair["style"] in ("the_scream", "great_wave")
        assert losses["total"] == pytest.approx(losses["content"] + 5 * losses["style"] + 0.1 * losses["tv"])
        assert pair["photo_losses"]["content"] == 0
        decrease = pair["photo_losses"]["total"] - pair["optimised"]["content"]
        reached = pair["photo_losses"]["total"] - losses["total"]
        assert pair["share"] == pytest.approx(reached / decrease, rel=1e-4)
        assert set(pair["worth"]) == {"content", "noise"}
    shares = sorted(pair["share"] for pair in found["photos"]["pairs"])
    summary = found["photos"]["summary"]["all"]
    assert summary["share"]["median"] == pytest.approx((shares[1] + shares[2]) / 2)
    assert shares[0] <= summary["share"]["tenth_percentile"] <= shares[1]
    passes = [f"{photo}_{style}.png" for photo in ("p19", "p29") for style in ("great_wave", "the_scream")]
    assert {path.name for path in pictures.glob("*.png")} == {"sheet.png", *passes}
    assert len(list((pictures / "optimised").glob("*.json"))) == 8


def test_a_style_is_scored_by_the_part_of_its_painting_that_was_learnt(
    on_photos: list[str], model_file: Path, style_images: Path, tmp_path: Path
) -> None:
    model, totals = load_model(model_file), []
    whole = Image.open(style_images / "great_wave.png")
    for part, painting in (("", whole), ("0, 0, 1, 0.5", whole), ("", whole.crop((0, 0, 72, 32)))):
        painting.save(style_images / "great_wave.png")
        model.styles[0] = replace(model.styles[0], part=part)
        save_model(model, model_file)
        report = tmp_path / "r.json"
        words = ["--styles", "great_wave", "--count", "1", "--iterations", "0", "--json", str(report)]
        assert main([*on_photos, *words]) == 0
        totals.append(json.loads(report.read_text())["photos"]["pairs"][0]["losses"]["total"])
    assert totals[1] == totals[2] != totals[0]


def test_a_style_that_joined_by_other_weights_is_told_of(
    on_photos: list[str], model_file: Path, capsys: Any
) -> None:
    model = load_model(model_file)
    runs = [{"styles": ["the_scream"], **model.training, "style_size": 96}, {"styles": ["other"]}]
    model.training = {**model.training, "added": runs}
    save_model(model, model_file)
    assert main([*on_photos, "--iterations", "0", "--count", "1"]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "trained with other" in line]
    assert said == ["the_scream: trained with other weights or sizes; scored by those of the model"]


def test_losses_alone(on_photos: list[str], tmp_path: Path, capsys: Any) -> None:
    words = [*on_photos, "--iterations", "0", "--count", "1", "--json", str(tmp_path / "r.json")]
    assert main(words) == 0
    assert len(capsys.readouterr().out.splitlines()) == 5
    found = json.loads((tmp_path / "r.json").read_text())["photos"]
    assert len(found["pairs"]) == 3
    assert "share" not in found["summary"]["all"]


def test_the_losses_of_another_model(on_photos: list[str], tmp_path: Path) -> None:
    other = make_model("johnson", 2)
    other.training = {"style_size": 64, "scales": [1], "style_layers": ["relu1_2"], "style_weight": 1}
    save_model(other, tmp_path / "paper.safetensors")
    words = [*on_photos, "--iterations", "0", "--count", "1", "--json", str(tmp_path / "r.json")]
    assert main([*words, "--objective", str(tmp_path / "paper.safetensors")]) == 0
    objective = json.loads((tmp_path / "r.json").read_text())["objective"]
    assert objective["scales"] == [1]
    assert objective["style_layers"] == ["relu1_2"]


def interrupt_after(count: int, measured: Any) -> Any:
    calls = itertools.count()

    def interrupted(*words: Any, **flags: Any) -> Any:
        if next(calls) == count:
            raise KeyboardInterrupt
        return measured(*words, **flags)

    return interrupted


def test_what_was_measured_on_photos_before_ctrl_c_is_kept(
    on_photos: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(photos, "measured", interrupt_after(6, photos.measured))  # twice a pair
    words = [*on_photos, "--iterations", "0", "--json", str(tmp_path / "r.json")]
    assert main([*words, "--pictures", str(tmp_path / "pictures")]) == 130
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["style", "great_wave", "starry_night", "all"]
    found = json.loads((tmp_path / "r.json").read_text())["photos"]
    assert [pair["photo"] for pair in found["pairs"]] == ["p19", "p29", "p19"]
    assert found["summary"]["all"]["pairs"] == 3


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    scene = photo_pixels(64, 160, 4)
    pixels = [scene[:, 3 * t : 3 * t + 96] for t in range(5)]
    return make_clip(tmp_path / "pan.mp4", size=(96, 64), pts=range(5), pixels=pixels)


def test_clips(model_file: Path, clip: Path, tmp_path: Path, photo_folder: Path, capsys: Any) -> None:
    other = tmp_path / "other.safetensors"
    save_model(make_model(styles=2), other)
    words = ["evaluate", str(model_file), "--video", str(clip), "--moving-photos", str(photo_folder),
             "--image-size", "64", "--frames", "3", "--compare", str(other), "--stabilize", "0.5",
             "--count", "1", "--device", "cpu", "--engine", "torch", "--precision", "fp32",
             "--json", str(tmp_path / "r.json")]  # fmt: skip
    assert main(words) == 0
    printed = capsys.readouterr()
    assert "has no the_scream: left out" in printed.err
    variants = ("live", "frozen", "frozen, stabilize 0.5")
    painters = ["input", *variants, *(f"{other}, {name}" for name in variants)]
    first, second = printed.out.split("\n\n")
    assert first.startswith("videos")
    assert second.startswith("moving photos")
    assert all(f"\n{painter}  " in table for table in (first, second) for painter in painters)

    found = json.loads((tmp_path / "r.json").read_text())["clips"]
    assert found["baseline"] == f"{other}, live"
    assert len(found["clips"]) == 2 * (1 + 3) * len(painters)
    by_painter = {(r["style"], r["clip"], r["painter"]): r for r in found["clips"]}
    for (style, name, _), result in by_painter.items():
        base = by_painter[style, name, f"{other}, live"]
        for measure in ("warping_error", "contrast", "variation"):
            assert result["ratios"][measure] == pytest.approx(result[measure] / base[measure])
        assert result["style_loss"] is None


def test_what_was_measured_on_clips_before_ctrl_c_is_kept(
    model_file: Path,
    clip: Path,
    tmp_path: Path,
    photo_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    monkeypatch.setattr(evaluate_clips, "measure_clip", interrupt_after(1, evaluate_clips.measure_clip))
    words = ["evaluate", str(model_file), "--video", str(clip), "--moving-photos", str(photo_folder),
             "--image-size", "64", "--frames", "3", "--count", "1", "--device", "cpu", "--engine", "torch",
             "--json", str(tmp_path / "r.json")]  # fmt: skip
    assert main(words) == 130
    printed = capsys.readouterr().out
    assert printed.startswith("videos")
    assert "moving photos" not in printed
    found = json.loads((tmp_path / "r.json").read_text())["clips"]
    assert [result["painter"] for result in found["clips"]] == ["input", "live", "frozen"]
    assert found["summary"].keys() == {"videos"}


def test_clips_with_paintings_have_a_style_loss(
    model_file: Path, clip: Path, style_images: Path, vgg_file: Path, tmp_path: Path
) -> None:
    painting = style_images / "great_wave.png"
    words = ["evaluate", str(model_file), "--video", str(clip), "--style-images", str(painting), "--styles",
             "great_wave", "--vgg-weights", str(vgg_file), "--image-size", "48", "--frames", "2",
             "--device", "cpu", "--engine", "torch", "--json", str(tmp_path / "r.json")]  # fmt: skip
    assert main(words) == 0
    rows = json.loads((tmp_path / "r.json").read_text())["clips"]["summary"]["videos"]
    assert set(rows) == {"input", "live", "frozen"}
    assert all(row["style_loss"] > 0 for row in rows.values())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--styles", "mona_lisa"], "unknown style 'mona_lisa'"),
        (["--style-images", "nowhere"], "there is no painting 'nowhere'"),
        (["--style-images", "{}/great_wave.png"], "no painting named starry_night, the_scream"),
        (["--photos", "nowhere"], "there is no folder 'nowhere'"),
        (["--count", "0"], "--count must be 1 or more"),
        (["--iterations", "-1"], "--iterations must be 0 or more"),
        (["--frames", "1"], "--frames must be 2 or more"),
        (["--image-size", "9"], "--image-size must be 32 or more"),
        (["--video", "nowhere.mp4"], "does not exist"),
        (["--objective", "gallery-slow"], "unknown model"),
        (["--stabilize", "2"], "--stabilize must be above 0"),
        (["--moving-photos", "{}"], "too small to move"),
        (["--compare", "gallery-johnson"], "--compare is of clips"),
        (["--stabilize", "0.5"], "--stabilize is of clips"),
    ],
)
def test_what_cannot_be_meant(
    on_photos: list[str], style_images: Path, capsys: Any, more: list[str], said: str
) -> None:
    assert main([*on_photos, "--count", "1", *(word.format(style_images) for word in more)]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert said in errors[0]


def test_it_needs_something_to_measure_on(model_file: Path, capsys: Any) -> None:
    with pytest.raises(SystemExit) as end:
        main(["evaluate", str(model_file)])
    assert end.value.code == 2
    assert "--photos, --video or --moving-photos" in capsys.readouterr().err
    assert main(["evaluate", str(model_file), "--photos", "x"]) == 2
    assert "needs the paintings" in capsys.readouterr().err


def test_photos_of_one_name_from_several_folders_are_told_apart() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    read = [(Path(name), pixels) for name in ("a/1.jpg", "b/1.jpg", "b/2.png", "c/1.png")]
    assert _names(read) == ["1", "1-2", "2", "1-3"]


@pytest.mark.parametrize("flag", ["--json", "--pictures"])
def test_what_cannot_be_written_is_said_before_the_work(
    on_photos: list[str], tmp_path: Path, capsys: Any, flag: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    target = tmp_path / "file" if flag == "--pictures" else tmp_path / "file" / "r.json"
    assert main([*on_photos, flag, str(target)]) == 1
    assert "a file of that name is in the way" in capsys.readouterr().err.splitlines()[0]
