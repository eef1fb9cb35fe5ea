"""What a run leaves beside its model: checkpoint, table, curve, preview."""

from __future__ import annotations

import csv
import gc
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import HELD_OUT, photo_pixels
from PIL import Image

from style_transfer.errors import InputFileError, OutputError, UserError
from style_transfer.media.sheet import square
from style_transfer.networks.style_model import StyleModel
from style_transfer.training import checkpoint
from style_transfer.training.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from style_transfer.training.history import log_to_tensorboard, running_mean, write_curve, write_losses
from style_transfer.training.preview import preview_photos, write_preview

STATE: dict[str, Any] = dict.fromkeys(checkpoint._KEYS, 1) | {"network": {"a": torch.arange(3.0)}}


def history(steps: int) -> list[dict[str, float]]:
    return [
        {"step": k, "content": 1 / k, "style": 2 / k, "tv": 0.1, "total": 3 / k} for k in range(1, steps + 1)
    ]


def test_a_loss_that_a_resumed_run_adds_is_in_table_and_curve(tmp_path: Path) -> None:
    rows = [*history(2), {**history(3)[2], "temporal": 0.5}]
    write_losses(rows, tmp_path / "losses.csv")
    with (tmp_path / "losses.csv").open() as file:
        assert [row["temporal"] for row in csv.DictReader(file)] == ["", "", "0.5"]
    write_curve(rows, tmp_path / "losses.png")
    assert (tmp_path / "losses.png").stat().st_size > 1000


def test_checkpoints_come_back(tmp_path: Path) -> None:
    path = checkpoint_path(tmp_path / "wave.v2.safetensors")
    assert path == tmp_path / "wave.v2.checkpoint.pt"
    save_checkpoint(STATE, path)
    loaded = load_checkpoint(path)
    assert torch.equal(loaded.pop("network")["a"], torch.arange(3.0))
    assert loaded == {key: value for key, value in STATE.items() if key != "network"}


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path("bombed").touch, ())


def test_what_is_no_checkpoint_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.checkpoint.pt"
    with pytest.raises(InputFileError, match=r"no checkpoint.*--resume"):
        load_checkpoint(path)
    save_checkpoint(STATE, path)
    whole = path.read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2], pickle.dumps(_Bomb())):
        path.write_bytes(content)
        with pytest.raises(InputFileError, match=r"damaged.*--resume"):
            load_checkpoint(path)
    torch.save({**STATE, "step": _Bomb()}, path)
    with pytest.raises(InputFileError, match="damaged"):
        load_checkpoint(path)
    assert not Path("bombed").exists()
    for state in ([1], {"step": 3}):
        torch.save(state, path)
        with pytest.raises(InputFileError, match="not a checkpoint"):
            load_checkpoint(path)


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    path = tmp_path / "a.checkpoint.pt"
    save_checkpoint(STATE, path)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        with pytest.raises(OutputError, match="cannot write"):
            save_checkpoint({**STATE, "network": {"a": torch.zeros(10_000)}}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    gc.collect()  # what is left of the error is freed without a word


def test_the_table_of_losses(tmp_path: Path) -> None:
    rows = history(3)
    rows[-1]["step"] = 12_345_678
    write_losses(rows, tmp_path / "l.csv")
    with (tmp_path / "l.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["step"] for row in read] == ["1", "2", "12345678"]
    assert [float(row["style"]) for row in read] == pytest.approx([row["style"] for row in rows], rel=1e-5)
    write_losses([], tmp_path / "empty.csv")
    assert (tmp_path / "empty.csv").read_text().strip() == "step"


@pytest.mark.parametrize("steps", [1, 40])
def test_the_curve(tmp_path: Path, steps: int) -> None:
    write_curve(history(steps), tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as image:
        image.load()
        assert image.format == "PNG"
        assert len(np.unique(np.asarray(image))) > 10


def test_the_curve_of_a_loss_that_does_not_count(tmp_path: Path) -> None:
    write_curve([{**row, "tv": 0.0} for row in history(5)], tmp_path / "c.png")  # no logarithm, no warning
    assert (tmp_path / "c.png").exists()


def test_no_curve_of_nothing(tmp_path: Path) -> None:
    write_curve([], tmp_path / "c.png")
    assert not (tmp_path / "c.png").exists()


def test_the_running_mean_begins_at_the_first_value() -> None:
    assert running_mean([3.0, 3.0, 3.0]) == pytest.approx([3, 3, 3])
    means = running_mean([1.0] + [0.0] * 200)
    assert means[0] == 1
    assert 0 < means[-1] < 0.01


def test_previews_show_photos_and_every_style(model: StyleModel, photo_folder: Path, tmp_path: Path) -> None:
    photos = preview_photos([photo_folder / "broken.jpg", *(photo_folder / name for name in HELD_OUT)])
    assert [photo.shape for photo in photos] == [(256, 256, 3)] * 2
    write_preview(model, photos, tmp_path / "p.png")
    pixels = np.asarray(Image.open(tmp_path / "p.png"))
    step = len(pixels) // 4
    rows = [pixels[i * step : (i + 1) * step].astype(int) for i in range(4)]
    assert (rows[0][step - 256 - 6 : -6, -256 - 6 : -6] == photos[1]).all()
    for i in range(3):
        assert np.abs(rows[i] - rows[i + 1]).mean() > 1


def test_previews_take_six_photos_from_the_whole_folder(photo_folder: Path) -> None:
    photos = preview_photos([photo_folder / name for name in ["a.jpg"] * 7 + ["f.jpg"] * 6])
    assert len(photos) == 6
    assert (photos[0] != photos[-1]).any()


def test_no_preview_without_a_photo(model: StyleModel, photo_folder: Path, tmp_path: Path) -> None:
    photos = preview_photos([photo_folder / "broken.jpg"])
    write_preview(model, photos, tmp_path / "p.png")
    assert not (tmp_path / "p.png").exists()


def test_previews_hold_still(model: StyleModel, tmp_path: Path) -> None:
    photos = [square(photo_pixels(64, 64), 256)]
    for name in ("a.png", "b.png"):
        write_preview(model, photos, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_tensorboard_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match="tensorboard"):
        log_to_tensorboard(tmp_path)
