"""The model file: what is written comes back, and nothing else comes in."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import make_model
from safetensors.torch import load_file, save_file

from style_transfer.errors import ModelFileError, OutputError
from style_transfer.networks import model_file
from style_transfer.networks.catalogue import load_model
from style_transfer.networks.model_file import HEADER, read_header, save_model
from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Style


@pytest.fixture
def path(model: StyleModel, tmp_path: Path) -> Path:
    save_model(model, tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def rewrite(path: Path, *, header: dict[str, Any] | str | None = None, **tensors: Any) -> None:
    """Replace entries of the header and tensors of a model file; a tensor of None is dropped."""
    known = load_file(path)
    for name, value in tensors.items():
        matching = [key for key in known if key.endswith(name.replace("__", "."))]
        known[matching[0]] = value
    text = header if isinstance(header, str) else json.dumps({**read_header(path), **(header or {})})
    save_file({k: v.clone() for k, v in known.items() if v is not None}, path, {HEADER: text})


@pytest.mark.parametrize("name", ["fast", "johnson"])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_round_trip(name: str, dtype: str, tmp_path: Path) -> None:
    model = make_model(name)
    model.network.to(memory_format=torch.channels_last)  # as it comes out of training
    save_model(model, tmp_path / "m.safetensors", dtype=dtype)
    loaded = load_model(tmp_path / "m.safetensors")
    assert loaded.network.plan == model.network.plan
    assert not loaded.network.training
    for part in ("network", "bank"):
        written, read = getattr(model, part).state_dict(), getattr(loaded, part).state_dict()
        assert written.keys() == read.keys()
        for key in written:
            assert read[key].dtype == torch.float32
            assert torch.equal(read[key], written[key].to(getattr(torch, dtype)).float())
    for parameter in loaded.network.parameters():
        assert parameter.requires_grad  # --init trains on


def test_half_precision_is_the_default(path: Path) -> None:
    assert {tensor.dtype for tensor in load_file(path).values()} == {torch.float16}


def test_numbers_too_large_for_half_precision_are_kept_in_single(model: StyleModel, path: Path) -> None:
    with torch.no_grad():
        model.bank.scales[0, 0] = 1e6
    save_model(model, path)
    assert load_model(path).bank.scales[0, 0] == 1e6


def test_metadata_travels(tmp_path: Path) -> None:
    model = make_model(styles=1)
    model.styles = [Style("wave", "神奈川沖浪裏 – „Welle“", "葛飾北斎", "about 1831", "public domain")]
    model.training = {"steps": 7, "scales": [1, 2]}
    save_model(model, tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    assert loaded.styles == model.styles
    assert loaded.training == model.training
    assert read_header(tmp_path / "m.safetensors") == {"format": 1, **model.describe()}


def test_a_loaded_model_does_not_hang_on_its_file(model: StyleModel, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(model, path, dtype=np.float32)
    loaded = load_model(path)
    before = loaded.bank.scales.detach().clone()
    path.write_bytes(b"\0" * path.stat().st_size)  # in place, as a memory map would see
    assert torch.equal(loaded.bank.scales, before)


def refused(path: Path, match: str) -> None:
    with pytest.raises(ModelFileError, match=match) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_and_empty_files(tmp_path: Path) -> None:
    refused(tmp_path / "none.safetensors", "no model file")
    refused(tmp_path, "no model file")
    (tmp_path / "empty.safetensors").touch()
    refused(tmp_path / "empty.safetensors", "damaged")


def test_truncated_at_any_place(path: Path) -> None:
    whole = path.read_bytes()
    for length in (4, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(path, "damaged")


@pytest.mark.parametrize("text", ["{", "[]", "3", "{}", "[" * 100_000, '"x"'])
def test_damaged_header(path: Path, text: str) -> None:
    rewrite(path, header=text)
    refused(path, "damaged header")


def test_later_format(path: Path) -> None:
    rewrite(path, header={"format": 2})
    refused(path, "format 2, this version reads 1; update")


def test_foreign_safetensors(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "m.safetensors")
    refused(tmp_path / "m.safetensors", "no style model")


@pytest.mark.parametrize(
    "header",
    [
        {"network": "resnet"},
        {"arguments": {"width": 5, "blocks": 1}},
        {"arguments": {"width": 10**9}},
        {"arguments": {"blocks": 10**9}},
        {"arguments": {"width": "4"}},
        {"arguments": {"epsilon": float("nan")}},
        {"arguments": {"colour": 1}},
        {"arguments": None},
        {"styles": []},
        {"styles": [{"name": "a"}]},
        {"styles": [{"name": "a"}, {"name": "a"}, {"name": "b"}]},
        {"styles": [{"name": "a:b"}, {"name": "c"}, {"name": "d"}]},
        {"styles": [{"name": "a", "title": "\x1b[2J"}, {"name": "c"}, {"name": "d"}]},
        {"styles": [{"name": "a", "price": 1}, {"name": "c"}, {"name": "d"}]},
        {"styles": [{"name": 1}, {"name": "c"}, {"name": "d"}]},
        {"styles": "abc"},
        {"training": 3},
    ],
    ids=str,
)
def test_a_header_that_does_not_fit(path: Path, header: dict[str, Any]) -> None:
    rewrite(path, header=header)
    refused(path, "its header speaks of")


@pytest.mark.parametrize("name", ["styles__shifts", "down4__conv__weight"])
def test_missing_damaged_and_infected_tensors(path: Path, model: StyleModel, name: str) -> None:
    good = path.read_bytes()
    shape = (
        model.bank.shifts.shape if "shifts" in name else model.network.state_dict()["down4.conv.weight"].shape
    )
    numbers = (torch.full(shape, number) for number in (torch.nan, torch.inf, -1e30))
    for tensor in (None, torch.ones(3), *numbers):
        path.write_bytes(good)
        rewrite(path, **{name: tensor})
        refused(path, "its header speaks of")


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path("bombed").touch, ())


@pytest.mark.parametrize("name", ["bomb.pth", "bomb.pt", "bomb.safetensors", "bomb"])
@pytest.mark.parametrize("writer", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_a_pickle_is_never_executed(
    name: str, writer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    writer({"conv1.conv2d.weight": _Bomb()}, tmp_path / name)
    refused(tmp_path / name, "was not opened|damaged")
    assert not Path("bombed").exists()


def test_a_failed_write_leaves_the_old_file(
    path: Path, model: StyleModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="disk is full"):
        save_model(model, path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file(
    path: Path, model: StyleModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def interrupted(*_: Any) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(model_file, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_model(model, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
