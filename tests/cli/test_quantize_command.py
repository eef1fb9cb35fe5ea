"""``quantize`` from a file to the same or another one."""

from __future__ import annotations

from pathlib import Path

import pytest
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


def test_what_cannot_be_meant(photo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(Path("gallery-fast"), photo_folder)) == 2
    assert "name a file with --output" in capsys.readouterr().err
    assert main(words(Path("gallery-fast"), photo_folder, "-o", tmp_path / "m.onnx")) == 2
    assert "name a .safetensors file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
