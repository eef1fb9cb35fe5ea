"""Every kind of weight at its own pace."""

from __future__ import annotations

import pytest
import torch

from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Style
from style_transfer.training.optimizer import make_optimizer, set_learning_rate

LR = 0.01


def step(model: StyleModel) -> None:
    """One of Adam's first steps, which move every weight by its learning rate."""
    optimizer = make_optimizer(model, 1.0)
    set_learning_rate(optimizer, LR)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.ones_like(parameter)
    optimizer.step()


@pytest.mark.parametrize(("network", "most"), [("fast", 3 * LR * 144), ("johnson", 3 * LR * 144)])
def test_no_output_moves_further_than_that_of_the_small_network(network: str, most: float) -> None:
    """Where 9×9 weights move as 3×3 do, johnson's pictures are black and white after a few steps."""
    model = StyleModel.create(network, [Style("a"), Style("b")])
    before = model.bank.output_weight.detach().clone()
    step(model)
    moved = (model.bank.output_weight - before).abs().sum((2, 3, 4))
    torch.testing.assert_close(moved, torch.full((2, 3), most), rtol=1e-3, atol=0)


def test_styles_learn_faster_than_the_network_they_share() -> None:
    model = StyleModel.create("fast", [Style("a")], width=12)
    before = {name: p.detach().clone() for name, p in model.network.named_parameters()}
    scales = model.bank.scales.detach().clone()
    step(model)
    for name, parameter in model.network.named_parameters():
        torch.testing.assert_close((before[name] - parameter).mean().item(), LR, rtol=1e-3, atol=0)
    torch.testing.assert_close((scales - model.bank.scales).mean().item(), 3 * LR, rtol=1e-3, atol=0)


def test_a_network_that_takes_no_gradient_stays() -> None:
    model = StyleModel.create("fast", [Style("a")], width=12)
    model.network.requires_grad_(False)
    before = {name: p.clone() for name, p in model.network.named_parameters()}
    scales = model.bank.scales.detach().clone()
    step(model)
    assert all(torch.equal(before[name], p) for name, p in model.network.named_parameters())
    torch.testing.assert_close((scales - model.bank.scales).mean().item(), LR, rtol=1e-3, atol=0)
