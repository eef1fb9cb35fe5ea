"""The temporal loss: nothing for what moves with the photo, something for what stays with the frame."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from helpers import photo_tensor
from torch import Tensor

from style_transfer.losses.temporal import disturbed, move, random_motion, temporal_loss


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth(size: int = 96) -> Tensor:
    """A picture of low frequencies, which resampling leaves as it is."""
    coarse = torch.rand(1, 3, 6, 6, generator=generator())
    return F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False).clamp(0, 1)


def test_every_other_motion_is_a_shift_by_whole_pixels() -> None:
    picture = photo_tensor(64, 64)
    motion = random_motion(8, 64, generator())
    for theta in motion[::2]:
        across, down = (round(float(t) * 32) for t in theta[:, 2])
        moved = move(picture, theta[None])
        inner = slice(8, -8)  # no pixel of it has come in from outside
        expected = torch.roll(picture, (-down, -across), (2, 3))
        assert max(abs(down), abs(across)) <= 8
        torch.testing.assert_close(moved[..., inner, inner], expected[..., inner, inner], atol=1e-4, rtol=0)
    assert any(abs(float(theta[0, 0]) - 1) > 1e-3 for theta in motion[1::2])


def test_the_other_motions_zoom_a_little_and_shift_by_parts_of_a_pixel() -> None:
    motion = random_motion(400, 64, generator())
    motion = motion[motion[:, 0, 0] != 1]
    assert len(motion) == 200
    zoom, shift = motion[:, 0, 0], 32 * motion[:, :, 2]
    assert 0.97 <= zoom.min() < 0.975
    assert 1.025 < zoom.max() <= 1.03
    assert 0.4 < (shift - shift.round()).abs().max() <= 0.5


def test_there_and_back_by_half_a_pixel_more_detail_is_left_than_of_averages() -> None:
    picture = photo_tensor(64, 64)
    there = torch.tensor([[[1.0, 0, 1 / 64], [0, 1, 1 / 64]]])
    back = torch.tensor([[[1.0, 0, -1 / 64], [0, 1, -1 / 64]]])
    moved = move(move(picture, there), back)
    detail = [x[..., 8:-8, 8:-8].diff(dim=-1).abs().mean() for x in (moved, picture)]
    assert detail[0] > 0.7 * detail[1]


def test_either_of_two_pictures_may_be_the_one_that_is_shifted() -> None:
    motions = [random_motion(2, 64, generator(seed)) for seed in range(12)]
    shifted = [(motion[:, 0, 0] == 1).tolist() for motion in motions]
    assert {tuple(pair) for pair in shifted} == {(True, False), (False, True)}


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_half_precision_moves_pictures_as_far(half: torch.dtype) -> None:
    """Training computes the rest of a step in it."""
    picture, motion = photo_tensor(240, 240).expand(4, -1, -1, -1), random_motion(4, 240, generator())
    expected = move(picture, motion)
    with torch.autocast("cpu", half):
        moved = move(picture, motion)
        loss = temporal_loss(picture.to(half), expected.to(half), motion)
    assert torch.equal(moved, expected)
    assert float(loss.max()) < 1e-5  # what rounding the pictures costs


def test_motions_differ_and_depend_on_the_generator_alone() -> None:
    assert torch.equal(random_motion(6, 96, generator(3)), random_motion(6, 96, generator(3)))
    motion = random_motion(6, 96, generator(3))
    assert len({tuple(theta.flatten().tolist()) for theta in motion}) == 6


def test_a_painting_that_moves_with_the_photo_costs_next_to_nothing() -> None:
    picture = smooth().expand(6, -1, -1, -1)
    motion = random_motion(6, 96, generator(1))

    def invert(photo: Tensor) -> Tensor:
        return 1 - photo  # pixel by pixel: it moves with what it is made of

    assert float(temporal_loss(invert(picture), invert(move(picture, motion)), motion).max()) < 1e-5


def test_it_is_the_mean_over_what_both_show() -> None:
    before, motion = torch.full((6, 3, 64, 64), 0.5), random_motion(6, 64, generator(2))
    torch.testing.assert_close(temporal_loss(before, before + 0.2, motion), torch.full((6,), 0.04))


def test_a_grid_that_stays_with_the_frame_costs() -> None:
    grid = 0.1 * (torch.arange(96) % 8 < 4).float().expand(6, 3, 96, 96)
    picture = smooth().expand(6, -1, -1, -1) * 0.8
    motion = random_motion(6, 96, generator(1))
    loss = temporal_loss(picture + grid, move(picture, motion) + grid, motion)
    shifted = (motion[:, 0, 2] * 48 % 8).round() % 8 != 0
    assert shifted.any()
    assert float(loss[shifted].min()) > 5e-4


def test_noise_is_small_and_the_result_a_picture() -> None:
    photo = photo_tensor(96, 96)
    motion = random_motion(1, 96, generator())
    later = disturbed(photo, motion, generator())
    assert float(later.min()) >= 0
    assert float(later.max()) <= 1
    spread = float((later - move(photo, motion).clamp(0, 1)).std())
    assert spread == pytest.approx(0.0075, rel=0.2)


def test_a_frame_that_stays_at_the_edges_costs() -> None:
    frame = torch.zeros(6, 3, 96, 96)
    for edge in (frame[..., :8, :], frame[..., -8:, :], frame[..., :, :8], frame[..., :, -8:]):
        edge.fill_(0.2)
    picture = smooth().expand(6, -1, -1, -1) * 0.8
    motion = random_motion(6, 96, generator(1))
    loss = temporal_loss(picture + frame, move(picture, motion) + frame, motion)
    assert float(loss.min()) > 1e-3


def test_what_has_come_in_from_outside_costs_nothing() -> None:
    motion = torch.eye(2, 3)[None].clone()
    motion[0, 0, 2] = 5 * 2 / 96  # each pixel comes from five to its right
    before, after = smooth(), move(smooth(), motion)
    after[..., -5:] = 1
    assert float(temporal_loss(before, after, motion)) < 1e-9
    after[..., -6] = 1
    assert float(temporal_loss(before, after, motion)) > 1e-4


def test_gradients_reach_both_pictures() -> None:
    before, after = (smooth().clone().requires_grad_() for _ in range(2))
    temporal_loss(before, after, random_motion(1, 96, generator(5))).sum().backward()
    assert before.grad is not None
    assert after.grad is not None
    assert float(before.grad.abs().max()) > 0
    assert float(after.grad.abs().max()) > 0
