"""Optimising pixels: it goes down, stays in range, and wastes no evaluation."""

from __future__ import annotations

import pytest
import torch
from helpers import photo_tensor
from torch import Tensor

from style_transfer.evaluation.gatys import Iteration, noise_like, optimise
from style_transfer.evaluation.objective import Objective, Recipe


def bowl(target: Tensor, stretch: float = 30.0):
    """Least at ``target``, much steeper along some pixels than along others."""
    weights = torch.linspace(1, stretch, target.numel()).reshape(target.shape)

    def losses(picture: Tensor) -> dict[str, Tensor]:
        return {"total": (weights * (picture - target).square()).sum()}

    return losses


def test_it_finds_the_least_of_a_stretched_bowl() -> None:
    target = photo_tensor(6, 8, 1)
    found = optimise(bowl(target), torch.full_like(target, 0.5), 40)
    torch.testing.assert_close(found, target, atol=1e-3, rtol=0)


def test_what_lies_out_of_range_ends_at_the_edge() -> None:
    target = torch.tensor([-0.5, 0.25, 1.5]).reshape(1, 3, 1, 1).expand(1, 3, 4, 4)
    found = optimise(bowl(target, 1.0), torch.full((1, 3, 4, 4), 0.5), 20)
    torch.testing.assert_close(found, target.clamp(0, 1), atol=1e-3, rtol=0)


def test_every_iteration_is_told_and_lower_than_the_one_before() -> None:
    told: list[Iteration] = []
    target = photo_tensor(6, 8, 1)
    found = optimise(bowl(target), photo_tensor(6, 8, 2), 8, told.append)
    assert [iteration.number for iteration in told] == list(range(9))
    totals = [iteration.losses["total"] for iteration in told]
    assert totals == sorted(totals, reverse=True)
    assert len(set(totals)) == 9
    assert torch.equal(told[0].picture, photo_tensor(6, 8, 2))
    assert torch.equal(told[-1].picture, found)
    for iteration in told:  # the losses are those of the picture
        assert bowl(target)(iteration.picture)["total"].item() == pytest.approx(iteration.losses["total"])


def test_no_point_is_evaluated_twice_in_a_row() -> None:
    seen: list[Tensor] = []
    losses = bowl(photo_tensor(6, 8, 1))

    def counting(picture: Tensor) -> dict[str, Tensor]:
        seen.append(picture.detach().clone())
        return losses(picture)

    optimise(counting, photo_tensor(6, 8, 2), 10)
    assert len({tuple(picture.flatten().tolist()) for picture in seen}) == len(seen)
    assert len(seen) < 2 * 10


def test_it_stops_when_asked_with_what_there_is() -> None:
    told: list[Iteration] = []
    found = optimise(
        bowl(photo_tensor(6, 8, 1)), photo_tensor(6, 8, 2), 50, told.append, lambda: len(told) > 3
    )
    assert told[-1].number == 3
    assert torch.equal(found, told[-1].picture)


def test_it_ends_where_nothing_is_lower() -> None:
    target = photo_tensor(6, 8, 1)
    told: list[Iteration] = []
    assert torch.equal(optimise(bowl(target), target, 50, told.append), target)
    assert len(told) == 1


def test_noise_depends_on_the_seed_alone() -> None:
    photo = photo_tensor(6, 8)
    assert torch.equal(noise_like(photo, 3), noise_like(1 - photo, 3))
    assert not torch.equal(noise_like(photo, 3), noise_like(photo, 4))
    assert noise_like(photo, -1).shape == photo.shape


def test_the_training_objective_falls(vgg_file, paintings) -> None:
    objective = Objective(Recipe(style_size=64), paintings, vgg_weights=vgg_file)
    photo = photo_tensor(32, 40)
    told: list[Iteration] = []
    found = optimise(objective.losses(photo, 1), photo, 5, told.append)
    assert told[0].losses["content"] == 0
    assert told[-1].losses["style"] < 0.8 * told[0].losses["style"]
    assert found.min() >= 0
    assert found.max() <= 1


def test_with_the_real_loss_network_a_photo_is_painted(real_vgg, paintings) -> None:
    objective = Objective(Recipe(style_size=64), paintings, vgg_weights=real_vgg)
    photo = photo_tensor(48, 48)
    told: list[Iteration] = []
    optimise(objective.losses(photo, 0), photo, 10, told.append)
    assert told[-1].losses["total"] < 0.5 * told[0].losses["total"]
