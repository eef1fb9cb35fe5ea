"""What benchmarks/gpu.py computes without a GPU: on one it has minutes, and nobody to mend it."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest
import torch
from helpers import ROOT
from torch.nn.functional import conv2d

from style_transfer.losses.perceptual import CONTENT_LAYERS, STYLE_LAYERS
from style_transfer.losses.vgg import VGG19Features
from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Style


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("gpu")


def test_its_loss_network_has_all_layers_that_training_takes(gpu: ModuleType, tmp_path: Path) -> None:
    VGG19Features([*STYLE_LAYERS, *CONTENT_LAYERS], gpu.random_vgg(tmp_path / "vgg19.safetensors"))


@pytest.mark.parametrize(("network", "kilo_macs"), [("fast", 12), ("johnson", 154)])
def test_the_cost_of_a_painting(gpu: ModuleType, network: str, kilo_macs: int) -> None:
    cost = gpu.painting_cost(StyleModel.create(network, [Style("a")]), (1080, 1920))
    assert cost.flops == pytest.approx(2e3 * kilo_macs * 1080 * 1920, rel=0.04)
    assert cost.moved > 2 * 3 * 2 * 1080 * 1920  # float16, in and out


@pytest.mark.parametrize("learns", [True, False])
def test_the_cost_of_a_convolution_there_and_back(gpu: ModuleType, learns: bool) -> None:
    x, weight = torch.rand(1, 3, 8, 8, requires_grad=True), torch.rand(5, 3, 1, 1, requires_grad=learns)
    with gpu.Cost() as cost:
        conv2d(x, weight).sum().backward()
    assert cost.flops == (2 + learns) * 2 * 15 * 64
    there = 192 + 15 + 320
    back = 320 + 15 + 192 + learns * (192 + 15)  # without its input, where there is nothing to learn
    assert cost.moved == 4 * (there + back)
