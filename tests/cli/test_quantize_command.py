"""``quantize`` from a file to the same or another one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import make_model

from style_transfer.cli.main import main
from style_transfer.networks.catalogue import load_model
from style_transfer.networks.model_file import save_model
from style_transfer.runtime import quantize


def words(model: Path, photo_folder: Path, *more: object) -> list[str]:
    return ["quantize", str(model), "--dataset", str(photo_folder), *map(str, more)]


def test_a_model_is_prepared_in_its_file_or_in_another(
    photo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, other = tmp_path / "m.safetensors", tmp_path / "other.safetensors"
    save_model(make_model(), source)
    assert main(words(source, photo_folder, "-o", other)) == 0
    assert load_model(source).ranges is None
    assert load_model(other).ranges is not None
    printed = capsys.readouterr()
    assert printed.out == f"{other}\n"
    assert "broken.jpg' cannot be read and is left out" in printed.err
    assert main(words(source, photo_folder)) == 0
    assert load_model(source).ranges is not None
    assert {path.name for path in tmp_path.iterdir()} == {"m.safetensors", "other.safetensors"}


def test_what_joins_the_model_in_the_meantime_is_not_lost(
    photo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "m.safetensors"
    save_model(make_model(styles=2), source)
    measure = quantize.measure_ranges

    def slowly(*args: object, **more: object) -> object:
        save_model(make_model(styles=3), source)
        return measure(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(quantize, "measure_ranges", slowly)
    assert main(words(source, photo_folder)) == 2
    assert "has changed in the meantime" in capsys.readouterr().err
    assert len(load_model(source).styles) == 3


def test_no_number_that_is_there_changes(photo_folder: Path, tmp_path: Path) -> None:
    source, model = tmp_path / "m.safetensors", make_model()
    with torch.no_grad():
        model.bank.scales += 1e-6  # which float16 cannot hold
    save_model(model, source, dtype=np.float32)
    assert main(words(source, photo_folder)) == 0
    assert torch.equal(load_model(source).bank.scales, model.bank.scales)


def test_what_cannot_be_meant(photo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, foreign, damaged = tmp_path / "m.safetensors", tmp_path / "candy.pth", tmp_path / "damaged"
    save_model(make_model(), source)
    foreign.write_bytes(b"precious")
    damaged.mkdir()
    (damaged / "a.png").write_bytes(b"no picture")
    for argv, message in [
        (words(source, damaged), "can be read"),
        (words(source, tmp_path / "none"), "no folder"),
        (words(Path("gallery-fast"), photo_folder), "name a file with --output"),
        (words(Path("gallery-fast"), photo_folder, "-o", tmp_path / "x.onnx"), "name a .safetensors file"),
        (words(source, photo_folder, "-o", tmp_path / "x"), "name a .safetensors file"),
        (words(foreign, photo_folder), "name a .safetensors file"),
    ]:
        assert main(argv) == 2
        assert message in capsys.readouterr().err
    assert foreign.read_bytes() == b"precious"
    assert {path.name for path in tmp_path.iterdir()} == {"m.safetensors", "candy.pth", "damaged"}
