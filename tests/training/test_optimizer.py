"""Every kind of weight at its own pace."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Style
from style_transfer.training.optimizer import make_optimizer, orthogonalized, set_learning_rate

LR = 0.01


def step(model: StyleModel, gradient: Callable[[Tensor], Tensor] = torch.ones_like) -> None:
    """A first step, in which Adam moves every weight by its learning rate."""
    optimizer = make_optimizer(model, 1.0)
    set_learning_rate(optimizer, LR)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = gradient(parameter)
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
    torch.manual_seed(0)
    step(model, torch.randn_like)
    for name, parameter in model.network.named_parameters():
        size = (before[name] - parameter).square().mean().sqrt().item()
        assert 0.1 * LR < size < 0.3 * LR, name
    moved = (scales - model.bank.scales).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 3 * LR), rtol=1e-3, atol=0)


@pytest.mark.parametrize("shape", [(16, 432), (96, 24)])
def test_weak_directions_of_a_gradient_move_the_network_as_far_as_strong_ones(shape: tuple[int, int]) -> None:
    left, _, right = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    strengths = torch.logspace(0, -2, min(shape))
    found = orthogonalized(left * strengths @ right)
    assert found.shape == shape
    values = torch.linalg.svdvals(found)
    assert 0.5 < values.min() < values.max() < 1.3


def test_a_network_without_gradient_does_not_move() -> None:
    assert not orthogonalized(torch.zeros(4, 9)).any()


def test_what_styles_own_learns_as_with_the_adam_of_pytorch() -> None:
    model = StyleModel.create("fast", [Style("a")], width=12)
    model.network.requires_grad_(False)
    ours = model.bank.scales
    theirs = torch.nn.Parameter(ours.detach().clone())
    optimizer, reference = make_optimizer(model, LR), torch.optim.Adam([theirs], LR)
    set_learning_rate(optimizer, LR)
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        ours.grad = torch.randn(ours.shape, generator=generator)
        theirs.grad = ours.grad.clone()
        optimizer.step()
        reference.step()
    torch.testing.assert_close(ours, theirs)


def test_the_network_follows_a_momentum_that_looks_ahead() -> None:
    """Muon as its authors write it, with Nesterov's momentum."""
    model = StyleModel.create("fast", [Style("a")], width=12)
    weight = next(iter(model.network.parameters()))
    expected, momentum = weight.detach().clone(), torch.zeros_like(weight)
    optimizer = make_optimizer(model, LR)
    set_learning_rate(optimizer, LR)
    for _ in range(3):
        weight.grad = torch.randn_like(weight)
        momentum = 0.95 * momentum + 0.05 * weight.grad
        ahead = (0.95 * momentum + 0.05 * weight.grad).flatten(1)
        expected -= 0.2 * LR * max(ahead.shape) ** 0.5 * orthogonalized(ahead).view(weight.shape)
        optimizer.step()
    torch.testing.assert_close(weight.detach(), expected)


def test_a_network_that_takes_no_gradient_stays() -> None:
    model = StyleModel.create("fast", [Style("a")], width=12)
    model.network.requires_grad_(False)
    before = {name: p.clone() for name, p in model.network.named_parameters()}
    scales = model.bank.scales.detach().clone()
    step(model)
    assert all(torch.equal(before[name], p) for name, p in model.network.named_parameters())
    torch.testing.assert_close((scales - model.bank.scales).mean().item(), LR, rtol=1e-3, atol=0)
