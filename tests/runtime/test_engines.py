"""Which engine is chosen, and what happens where it cannot be."""

from __future__ import annotations

import importlib.util
import logging

import numpy as np
import pytest
import torch

from style_transfer.errors import UserError
from style_transfer.networks.stored_model import StoredModel
from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Style
from style_transfer.runtime.device import CPU, Device
from style_transfer.runtime.engines import choose_engine
from style_transfer.runtime.look import Look
from style_transfer.runtime.torch_engine import TorchEngine

FLOAT = "float32"
installed = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="openvino is not installed"
)


@pytest.fixture(scope="module")
def model() -> StoredModel:
    return StyleModel.create("fast", [Style("a")], width=4, blocks=1).stored()


@pytest.fixture
def no_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "openvino" else find(name))


@installed
@pytest.mark.parametrize("name", ["auto", "openvino"])
def test_openvino_runs_the_cpu(model: StoredModel, name: str, caplog: pytest.LogCaptureFixture) -> None:
    state = torch.get_rng_state()
    engine, reason = choose_engine(name, model.network, CPU, FLOAT)
    assert type(engine).__name__ == "OpenVinoEngine"
    assert reason.startswith("openvino: ")
    assert not caplog.records
    assert torch.equal(torch.get_rng_state(), state)
    assert engine.paint(np.zeros((5, 7, 3), np.uint8), Look(model.mix({"a": 1}))).shape == (5, 7, 3)


def test_torch_where_it_is_asked_for(model: StoredModel) -> None:
    engine, reason = choose_engine("torch", model.network, CPU, FLOAT)
    assert isinstance(engine, TorchEngine)
    assert reason.startswith("torch: ")


def test_torch_on_every_other_device(model: StoredModel) -> None:
    engine, reason = choose_engine("auto", model.network, Device("meta"), FLOAT)
    assert isinstance(engine, TorchEngine)
    assert "meta" in reason


def test_an_unknown_name_lists_the_names(model: StoredModel) -> None:
    with pytest.raises(UserError, match=r"unknown engine 'openvin'; did you mean 'openvino'"):
        choose_engine("openvin", model.network, CPU, FLOAT)


def test_openvino_on_a_gpu_cannot_be(model: StoredModel) -> None:
    with pytest.raises(UserError, match="--device cpu"):
        choose_engine("openvino", model.network, Device("cuda"), FLOAT)


@pytest.mark.usefixtures("no_openvino")
def test_openvino_missing(model: StoredModel) -> None:
    with pytest.raises(UserError, match="pip install openvino"):
        choose_engine("openvino", model.network, CPU, FLOAT)
    engine, reason = choose_engine("auto", model.network, CPU, FLOAT)
    assert isinstance(engine, TorchEngine)
    assert "pip install openvino" in reason


@installed
@pytest.mark.parametrize("name", ["auto", "openvino"])
@pytest.mark.parametrize("failure", ["raises", "paints nonsense"])
def test_an_openvino_that_fails_falls_back_with_one_warning(
    model: StoredModel,
    name: str,
    failure: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from style_transfer.runtime.openvino_engine import OpenVinoEngine

    def paint(_self: object, frame: np.ndarray, _look: Look) -> np.ndarray:
        if failure == "raises":
            raise RuntimeError("no such\ninstruction")
        return np.zeros_like(frame)

    monkeypatch.setattr(OpenVinoEngine, "paint", paint)
    with caplog.at_level(logging.WARNING, "style_transfer"):
        engine, reason = choose_engine(name, model.network, CPU, FLOAT)
    assert isinstance(engine, TorchEngine)
    assert "failed" in reason
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert ("no such instruction" if failure == "raises" else "of one colour") in record.getMessage()


@installed
def test_half_precision_that_paints_something_else_is_noticed(
    model: StoredModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from style_transfer.runtime.openvino_engine import OpenVinoEngine

    paint = OpenVinoEngine.paint

    def broken(self: OpenVinoEngine, frame: np.ndarray, look: Look) -> np.ndarray:
        painted = paint(self, frame, look)
        return painted[::-1] if self.precision == "bf16" else painted

    monkeypatch.setattr(OpenVinoEngine, "paint", broken)
    assert type(choose_engine("auto", model.network, CPU, FLOAT)[0]) is OpenVinoEngine
    assert not caplog.records
    with caplog.at_level(logging.WARNING, "style_transfer"):
        engine, _ = choose_engine("auto", model.network, CPU, "bfloat16")
    assert isinstance(engine, TorchEngine)
    (record,) = caplog.records
    assert "of 255 off" in record.getMessage()
