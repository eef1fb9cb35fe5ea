"""``train`` from files to files, in this process."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import make_model, photo_pixels
from PIL import Image

from style_transfer.cli import train_run, train_writer
from style_transfer.cli.train import build_parser
from style_transfer.errors import InputFileError, OutputError
from style_transfer.lock import sole_writer
from style_transfer.networks.catalogue import load_model
from style_transfer.networks.model_file import read_header, save_model
from style_transfer.networks.styles import Style
from style_transfer.training.trainer import Trainer


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def refused(capsys: pytest.CaptureFixture[str], code: int, *words: str, expected: int = 2) -> None:
    printed = capsys.readouterr()
    lines = printed.err.strip().splitlines()
    assert code == expected
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]
    assert printed.out == ""


def test_a_run_from_paintings_to_a_model(
    train: Any, out: Path, paintings: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = tmp_path / "info.json"
    facts = json.dumps({"wave": {"title": "Die große Welle", "year": 1831}})
    info.write_text(facts, encoding="utf-8-sig")  # as editors of Windows do
    assert train(style_image=paintings, style_info=info, steps=3, seed=5) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{out / 'm.safetensors'}\n"
    assert "fast network, 2 style(s): wave, scream; 10 photos; cpu, float32" in printed.err
    assert "s a step: about" in printed.err
    assert "trained 3 steps" in printed.err
    assert names(out) == {"m.safetensors", "m.checkpoint.pt", "m.losses.csv", "m.losses.png", "m.preview.png"}

    model = load_model(out / "m.safetensors")
    assert model.styles == [Style("wave", "Die große Welle", year="1831"), Style("scream")]
    assert model.training["steps"] == 3
    assert model.training["seed"] == 5
    assert model.ranges is not None  # ready for int8
    with (out / "m.losses.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    for row, temporal in zip(rows, (0, 80 / 6, 80), strict=True):
        parts = float(row["content"]) + 12 * float(row["style"]) + 0.1 * float(row["tv"])
        parts += float(row["tone"]) + temporal * float(row["temporal"] or 0)
        assert float(row["total"]) == pytest.approx(parts, rel=1e-4)
    for name, size in (("m.losses.png", None), ("m.preview.png", (2 * 262 + 6, 3 * 280))):
        with Image.open(out / name) as image:
            image.load()
            assert size in (None, image.size)


def test_an_output_is_not_overwritten_unasked(
    train: Any, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out.mkdir()
    (out / "m.safetensors").write_text("precious")
    refused(capsys, train(), "m.safetensors", "--resume", "--overwrite")
    assert (out / "m.safetensors").read_text() == "precious"
    assert train("--overwrite", steps=1) == 0
    assert read_header(out / "m.safetensors")["training"]["steps"] == 1


def test_resume_goes_on_and_extends(train: Any, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(steps=2) == 0
    assert train("--resume", steps=4) == 0
    assert "from step 2, " in capsys.readouterr().err
    assert read_header(out / "m.safetensors")["training"]["steps"] == 4
    assert (out / "m.losses.csv").read_text().count("\n") == 5


@pytest.mark.parametrize(
    "begun",
    [
        {"network": "johnson", "width": 4},
        {"network": "johnson", "width": 2},
        {"init": "gallery", "width": None},
        {"init": "gallery", "width": None, "quick": True},
    ],
)
def test_a_resumed_run_needs_no_flag_to_be_said_again(
    begun: dict[str, Any], train: Any, out: Path, gallery: Path, tmp_path: Path
) -> None:
    about = tmp_path / "about.json"
    about.write_text('{"wave": {"title": "The Wave", "artist": "Hokusai", "part": "0, 0, 1, 0.9"}}')
    flags = {name: gallery if value == "gallery" else value for name, value in begun.items()}
    words = ["--quick"] if flags.pop("quick", False) else []
    assert train(*words, steps=1, style_info=about, **flags) == 0
    first = load_model(out / "m.safetensors")
    assert train("--resume", steps=2, width=None) == 0
    model = load_model(out / "m.safetensors")
    assert model.styles == first.styles == [Style("wave", "The Wave", "Hokusai", part="0, 0, 1, 0.9")]
    assert model.network.plan == first.network.plan
    assert model.training["init"] == first.training["init"]
    for name, value in model.network.state_dict().items():
        assert torch.equal(value, first.network.state_dict()[name]) == bool(words), name


def test_a_run_begun_anew_is_not_resumed_as_the_one_before(
    train: Any, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    assert train(steps=2) == 0
    checkpoint = out / "m.checkpoint.pt"
    assert train("--overwrite", vgg_weights="none.pth") == 2
    assert checkpoint.exists()  # what cannot begin takes nothing away
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "run", interrupted)
        assert train("--resume", steps=4) == train_run.INTERRUPTED
        assert checkpoint.exists()
        assert train("--overwrite", steps=4) == train_run.INTERRUPTED
    capsys.readouterr()
    refused(capsys, train("--resume", steps=4), "there is no checkpoint")


def test_what_is_said_of_a_short_run(train: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(steps=1) == 0
    err = capsys.readouterr().err
    assert "few photos" in err
    assert "not prepared for int8" not in err


def test_a_stopped_run_says_what_its_model_lacks(
    train: Any, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Trainer, "run", lambda *_args, **_flags: False)
    assert train() == train_run.INTERRUPTED
    assert f"style-transfer quantize {out / 'm.safetensors'} --dataset" in capsys.readouterr().err


def test_slow_steps_are_saved_by_the_clock(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    save = train_writer.Writer.save

    def counted(writer: train_writer.Writer) -> None:
        saved.append(writer.trainer.step)
        save(writer)

    monkeypatch.setattr(train_writer.Writer, "save", counted)
    monkeypatch.setattr(train_writer, "_SAVED_FOR", 1e-9)
    assert train(steps=3) == 0
    assert saved == [1, 2, 3, 3]
    assert train("--overwrite", steps=2, save_every=0) == 0
    assert saved[4:] == [2]


def test_resume_without_a_checkpoint_or_with_another(
    train: Any, out: Path, paintings: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    refused(capsys, train("--resume"), "m.checkpoint.pt", "--overwrite instead of --resume")
    assert train(steps=1) == 0
    capsys.readouterr()
    refused(
        capsys,
        train("--resume", style_image=paintings),
        "of the styles wave; give their paintings",
        "--overwrite instead of --resume",
    )
    refused(capsys, train("--resume", width=5), "its network differs", "leave out")
    (out / "m.checkpoint.pt").write_bytes(b"\x80\x02garbage")
    refused(capsys, train("--resume"), "damaged", "--overwrite instead of --resume")


def test_init_starts_from_a_model(train: Any, out: Path, paintings: list[Path], tmp_path: Path) -> None:
    model = make_model(styles=2)
    model.styles = [Style("scream", "The Scream"), Style("other")]
    model.training = {"steps": 30, "steps_before": 40}
    save_model(model, tmp_path / "init.safetensors", dtype=np.float32)
    # A rate of next to nothing shows what it starts from.
    assert train(init=tmp_path / "init.safetensors", style_image=paintings, width=None, lr=1e-9, steps=1) == 0
    trained = load_model(out / "m.safetensors")
    assert trained.styles == [Style("wave"), Style("scream", "The Scream")]
    for name, value in model.network.state_dict().items():
        torch.testing.assert_close(trained.network.state_dict()[name], value, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(trained.bank.scales[1], model.bank.scales[0], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(trained.bank.scales[0], model.bank.scales.mean(0), rtol=1e-3, atol=1e-4)
    assert (trained.training["steps"], trained.training["steps_before"]) == (1, 70)


def test_what_ships_is_where_a_run_starts(train: Any, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(width=None, lr=1e-9, steps=1) == 0
    assert "fast network, begun from gallery-fast, 1 style(s): wave" in capsys.readouterr().err
    shipped, trained = (load_model(m) for m in ("gallery-fast", out / "m.safetensors"))
    for name, value in shipped.network.state_dict().items():
        torch.testing.assert_close(trained.network.state_dict()[name], value, rtol=1e-3, atol=1e-4)
    assert trained.training["init"] == "gallery-fast"
    assert trained.training["steps_before"] > 30_000
    # What a run began from stays true when it goes on, whatever the command says then.
    assert train("--resume", width=None, init="none", steps=2) == 0
    assert load_model(out / "m.safetensors").training["init"] == "gallery-fast"


def test_from_nothing(train: Any, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ({"init": "none", "width": 48}, {"width": 4}, {"network": "johnson", "width": 4}):
        assert train("--overwrite", steps=1, **words) == 0
        training = load_model(out / "m.safetensors").training
        assert (training["init"], training["steps_before"]) == (None, 0)
    capsys.readouterr()
    refused(
        capsys, train("--quick", "--overwrite", init="none", width=None), "--quick", "give --init a model"
    )


def test_one_run_at_a_time_trains_a_model(train: Any, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sole_writer(out / "m.safetensors"):
        refused(capsys, train(steps=1), "is being written by another run")
    assert train(steps=1) == 0


def test_a_preview_that_cannot_be_written_ends_no_training(
    train: Any, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OutputError("cannot write 'm.preview.png': a viewer has it open")

    for name in ("write_preview", "write_losses", "write_curve"):
        monkeypatch.setattr(train_writer, name, refuse)
    assert train(steps=2, preview_every=1, save_every=1) == 0
    assert "a viewer has it open" in capsys.readouterr().err
    assert load_model(out / "m.safetensors").training["steps"] == 2


def test_init_does_not_go_with_another_network(
    train: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init = tmp_path / "init.safetensors"
    save_model(make_model(), init)
    for flags in ({"network": "johnson", "width": None}, {"width": 24}):
        refused(capsys, train(init=init, **flags), "fast network of width 6", "--network")
    refused(capsys, train(init="galery-fsat", width=None), "unknown model", "galery-fsat")


def test_minutes_and_no_previews(train: Any, out: Path) -> None:
    assert train(steps=None, minutes=0.01, preview_every=0) == 0
    assert "m.preview.png" not in names(out)
    assert read_header(out / "m.safetensors")["training"]["steps"] >= 1


def test_previews_of_ones_own_photos(train: Any, out: Path, tmp_path: Path) -> None:
    photos = [tmp_path / "wide.png", tmp_path / "high.png"]
    for path, pixels in zip(photos, (photo_pixels(64, 96), photo_pixels(128, 96)), strict=True):
        Image.fromarray(pixels).save(path)
    assert train(steps=1, preview_photos=photos) == 0
    sheet = np.asarray(Image.open(out / "m.preview.png")).astype(int)
    high = np.asarray(Image.open(photos[1]).resize((192, 256), Image.Resampling.LANCZOS)).astype(int)
    middle = len(sheet) // 2
    assert np.abs(sheet[middle - 6 - 256 : middle - 6, -192 - 6 : -6] - high).max() <= 1
    assert sheet.shape[1] > 384 + 192


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"style_image": "none.jpg"}, ["none.jpg", "does not exist"]),
        ({"dataset": "nowhere"}, ["nowhere", "folder of photos"]),
        ({"output": "m.pth"}, ["m.pth", ".safetensors"]),
        ({"vgg_weights": "none.pth"}, ["none.pth", "--vgg-weights"]),
        ({"style_info": "none.json"}, ["none.json", "--style-info"]),
        ({"preview_photos": "none.jpg"}, ["none.jpg", "does not exist"]),
        ({"steps": 0}, ["--steps"]),
        ({"batch_size": 0}, ["--batch-size"]),
        ({"image_size": 16}, ["--image-size"]),
        ({"width": 0}, ["width", "1 to"]),
        ({"device": "quantum"}, ["quantum"]),
        ({"precision": "fp8"}, ["fp8"]),
    ],
    ids=str,
)
def test_wrong_input_is_one_line(
    train: Any, out: Path, capsys: pytest.CaptureFixture[str], flags: dict[str, Any], words: list[str]
) -> None:
    refused(capsys, train(**flags), *words)
    assert names(out) == set()


@pytest.mark.parametrize("text", ["[1]", '{"wave": null}', '{"wave": {"maker": "x"}}', "{", "[" * 99999])
def test_facts_of_another_kind_are_one_line(
    train: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "info.json").write_text(text)
    refused(capsys, train(style_info=tmp_path / "info.json"), "--style-info", "info.json")


def test_two_paintings_of_one_name(
    train: Any, paintings: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wave.jpg").touch()
    refused(capsys, train(style_image=[paintings[0], tmp_path / "wave.jpg"]), "two styles are named 'wave'")


def test_a_painting_whose_name_cannot_be_typed(
    train: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a,b.jpg", "a:b.jpg"):
        refused(capsys, train(style_image=tmp_path / name), name.removesuffix(".jpg"), "letters, digits")


def test_corrupt_photos_alone(train: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "a.jpg").write_text("no photo")
    code = train(dataset=folder)
    lines = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert lines[-1].startswith("error: ")
    assert "--dataset" in lines[-1]


def test_an_output_that_cannot_be_written_is_said_before_training(
    train: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    refused(capsys, train(output=tmp_path / "file" / "m.safetensors"), "cannot write", expected=1)
    (tmp_path / "m.safetensors").mkdir()
    refused(capsys, train("--overwrite", output=tmp_path / "m.safetensors"), "is a folder")


def test_a_loss_that_stays_astray_saves_the_last_good_model(
    train: Any, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Trainer, "_train_step", lambda *_: None)
    assert train() == 1
    assert "lower --lr" in capsys.readouterr().err.splitlines()[-1]
    assert all(torch.isfinite(p).all() for p in load_model(out / "m.safetensors").network.parameters())


def test_photos_that_vanish_do_not_take_what_was_learnt_along(
    train: Any, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = Trainer._train_step

    def vanish(self: Trainer, *words: Any) -> Any:
        if self.step == 2:
            raise InputFileError("none of the photos can be read any more")
        return step(self, *words)

    monkeypatch.setattr(Trainer, "_train_step", vanish)
    assert train(steps=9) == 2
    assert "can be read any more" in capsys.readouterr().err.splitlines()[-1]
    assert load_model(out / "m.safetensors").training["steps"] == 2
    monkeypatch.undo()
    assert train("--resume", steps=3) == 0


def test_no_preview_over_a_painting(train: Any, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out.mkdir(exist_ok=True)
    painting = out / "m.preview.png"
    Image.fromarray(photo_pixels(80, 80)).save(painting)
    before = painting.read_bytes()
    refused(capsys, train(style_image=painting), "would overwrite the input", "m.preview.png")
    assert painting.read_bytes() == before


def test_out_of_memory_before_the_first_step_is_said(
    train: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = Trainer._losses

    def losses(self: Trainer, *words: Any) -> Any:
        if self.batch_size > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, *words)

    monkeypatch.setattr(Trainer, "_losses", losses)
    assert train(batch_size=2, steps=1) == 0
    assert "out of memory: the batch size is now 1" in capsys.readouterr().err


def test_a_bug_is_one_line_and_a_traceback_only_with_debug(
    train: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def bug(*_: Any) -> None:
        raise ZeroDivisionError("over\nthere")

    monkeypatch.setattr(train_run, "find_photos", bug)
    refused(capsys, train(), "ZeroDivisionError: over there", expected=1)
    with pytest.raises(ZeroDivisionError):
        train("--debug")


def test_flags() -> None:
    """Renaming or dropping one breaks people's scripts."""
    flags = {option for action in build_parser()._actions for option in action.option_strings}
    assert flags == {
        "-h", "--help", "--quick", "--add-to", "--stroke", "--style-scale", "--keep-content",
        "--style-image", "--dataset", "-o", "--output", "--style-info", "--steps",
        "--minutes", "--resume", "--init", "--seed", "--overwrite", "--preview-every", "--preview-photos",
        "--save-every",
        "--tensorboard", "--network", "--width", "--batch-size", "--image-size", "--style-size",
        "--content-weight", "--style-weight", "--tone-weight", "--tv-weight", "--temporal-weight",
        "--mix-share", "--lr", "--vgg-weights", "--device", "--precision", "--debug",
    }  # fmt: skip
