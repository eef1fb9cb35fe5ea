"""Sizes, looks, statistics: what run time relies on, for both networks."""

from __future__ import annotations

import pytest
import torch
from helpers import make_model, photo_tensor
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from style_transfer.errors import UserError
from style_transfer.networks.base import StyleNetwork
from style_transfer.networks.fast import FastNetwork
from style_transfer.networks.johnson import JohnsonNetwork
from style_transfer.networks.plan import PLANS, fast_plan, johnson_plan
from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Statistics, StyleParameters

both = pytest.mark.parametrize("name", ["fast", "johnson"])
BUILDS = [*(FastNetwork(fast_plan(2, blocks)) for blocks in (1, 2, 3)), JohnsonNetwork(johnson_plan(2))]


@torch.inference_mode()
def paint(model: StyleModel, x: Tensor, look: StyleParameters, frozen: Statistics | None = None) -> Tensor:
    return model.network(x, *look, *(frozen or ()))


@both
@settings(max_examples=25)
@given(height=st.integers(1, 70), width=st.integers(1, 70))
def test_output_has_the_size_of_the_input(name: str, height: int, width: int) -> None:
    model = make_model(name)
    y = paint(model, photo_tensor(height, width), model.mix({"great_wave": 1}))
    assert y.shape == (1, 3, height, width)
    assert y.dtype == torch.float32
    assert torch.isfinite(y).all()
    assert y.min() >= 0
    assert y.max() <= 1


@both
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_batch_of_looks_is_as_many_single_passes(name: str, dtype: torch.dtype) -> None:
    model = make_model(name)
    model.network.to(dtype)
    photos = torch.cat([photo_tensor(40, 48, seed) for seed in range(3)]).to(dtype)
    looks = [
        model.mix({"great_wave": 1}),
        model.mix({"the_scream": 1}),
        model.mix({"starry_night": 2, "the_scream": 1}),
    ]
    together = paint(model, photos, StyleParameters(*map(torch.cat, zip(*looks, strict=True))))
    single = torch.cat([paint(model, photo[None], look) for photo, look in zip(photos, looks, strict=True)])
    difference = (together - single).abs()
    if dtype == torch.float32:
        assert difference.max() < 1e-5
    else:  # eight bits of mantissa, through a dozen layers of an untrained network
        assert difference.mean() < 0.02
    assert (single[0] - paint(model, photos[:1], looks[1])[0]).abs().max() > 0.01  # styles do differ


@both
def test_one_look_serves_a_batch_and_pictures_do_not_mix(name: str) -> None:
    model = make_model(name)
    photos = torch.cat([photo_tensor(32, 40, seed) for seed in range(2)])
    look = model.mix({"great_wave": 1})
    apart = torch.cat([paint(model, photo[None], look) for photo in photos])
    torch.testing.assert_close(paint(model, photos, look), apart, rtol=0, atol=1e-5)


@both
def test_measured_statistics_repeat_the_live_pass(name: str) -> None:
    model = make_model(name)
    photo, look = photo_tensor(61, 83), model.mix({"great_wave": 1})
    live = paint(model, photo, look)
    with torch.inference_mode():
        statistics = model.network.measure(photo, look)
    channels = sum(model.network.plan.norm_channels)
    assert statistics.means.shape == statistics.variances.shape == (1, channels)
    assert (statistics.variances >= 0).all()
    torch.testing.assert_close(paint(model, photo, look, statistics), live, rtol=0, atol=1e-4)
    other = photo_tensor(61, 83, seed=1)
    assert (paint(model, other, look, statistics) - paint(model, other, look)).abs().max() > 1e-3


def receptive_field(network: StyleNetwork) -> int:
    """How far any input pixel is from an output pixel that depends on it, both in pixels."""
    network = network.double()
    look = StyleParameters(*(torch.full_like(p, 0.01).double() for p in network.initial_parameters(1)))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.01)  # all positive, so that no ReLU hides a path
    channels = look.scales.shape[1]
    frozen = torch.zeros(1, channels).double(), torch.ones(1, channels).double()
    shifts = torch.ones(1, channels).double()
    x = torch.full((1, 3, 16, 256), 0.5).double().requires_grad_()
    y = network(x, look.scales, shifts, look.output_weight, look.output_bias, *frozen).double()
    farthest = 0
    for column in range(120, 120 + network.plan.stride):
        (gradient,) = torch.autograd.grad(y[0, :, 8, column].sum(), x, retain_graph=True)
        seen = gradient[0].abs().sum((0, 1)).nonzero().flatten()
        farthest = max(farthest, column - int(seen.min()), int(seen.max()) - column)
    return farthest


@pytest.mark.parametrize("network", BUILDS, ids=["fast1", "fast2", "fast3", "johnson"])
def test_reach_is_the_receptive_field_in_whole_strides(network: StyleNetwork) -> None:
    field = receptive_field(network)
    reach, stride = network.plan.reach, network.plan.stride
    assert reach % stride == 0
    assert reach - stride < field <= reach


@pytest.mark.parametrize("network", BUILDS, ids=["fast1", "fast2", "fast3", "johnson"])
def test_a_plan_is_what_is_built(network: StyleNetwork) -> None:
    plan = network.plan
    state = {name: tuple(weight.shape) for name, weight in network.state_dict().items()}
    assert list(state.items()) == list(plan.weight_shapes.items())  # in this order too: it is part of digests
    assert tuple(tuple(part.shape) for part in network.initial_parameters(3)) == plan.parameter_shapes(3)
    assert PLANS[plan.name](**plan.arguments) == plan


@both
def test_a_frozen_crop_agrees_beyond_reach_of_its_edges(name: str) -> None:
    model = make_model(name)
    look, reach, stride = model.mix({"great_wave": 1}), model.network.plan.reach, model.network.plan.stride
    side = 2 * reach + 64
    photo = photo_tensor(48, side + 12 * stride)
    with torch.inference_mode():
        statistics = model.network.measure(photo, look)
    left = 5 * stride
    whole = paint(model, photo, look, statistics)[..., left : left + side]
    crop = paint(model, photo[..., left : left + side], look, statistics)
    difference = (whole - crop).abs().amax((0, 1, 2))
    assert difference[reach:-reach].max() < 1e-5
    assert difference.max() > 1e-4  # at the edges it does differ, or this would show nothing


@both
@pytest.mark.parametrize("level", [0.0, 0.37, 1.0])
def test_a_flat_picture_stays_flat(name: str, level: float) -> None:
    model = make_model(name, width=8)
    y = paint(model, torch.full((1, 3, 50, 70), level), model.mix({"great_wave": 1}))
    assert torch.isfinite(y).all()
    assert (y.amax((2, 3)) - y.amin((2, 3))).max() < 1e-3


@both
def test_noise_is_not_blown_up_with_statistics_of_a_photo(name: str) -> None:
    model = make_model(name, width=8)
    look, photo = model.mix({"great_wave": 1}), photo_tensor(64, 64)
    black = torch.randint(0, 3, (1, 3, 64, 64)) / 255
    with torch.inference_mode():
        statistics = model.network.measure(photo, look)
    live, frozen = paint(model, black, look), paint(model, black, look, statistics)
    assert torch.isfinite(live).all()
    assert frozen.std((2, 3)).max() < 0.3 * live.std((2, 3)).max()


@both
def test_networks_refuse_impossible_arguments(name: str) -> None:
    wrong = [
        {"width": 0},
        {"width": -3},
        {"width": 10**6},
        {"width": 2.5},
        {"epsilon": 0.0},
        {"epsilon": 1.0},
    ]
    for arguments in [*wrong, {"output": "tanh"} if name == "johnson" else {"blocks": 0}]:
        with pytest.raises(UserError, match="the network's"):
            make_model(name, **arguments)


def test_a_gradient_reaches_every_parameter(model: StyleModel) -> None:
    y = model.network(photo_tensor(32, 32).expand(3, -1, -1, -1), *model.bank(torch.eye(3)))
    (y * torch.randn_like(y)).sum().backward()
    for parameter in [*model.network.parameters(), *model.bank.parameters()]:
        assert parameter.grad is not None
        assert parameter.grad.abs().max() > 0
