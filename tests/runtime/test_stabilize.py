"""Holding still what only moves, on motion that is known exactly."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from helpers import photo_pixels

from style_transfer.errors import UserError
from style_transfer.runtime import stabilize
from style_transfer.runtime.stabilize import Stabilizer

WORLD = cv2.GaussianBlur(photo_pixels(260, 420, seed=4), (0, 0), 1.2)
HEIGHT, WIDTH, FRAMES = 144, 208, 16
INSIDE = (slice(12, -12), slice(12, -12))


def place(t):
    """Top left corner in the world of the view at ``t``, in pixels and their fractions."""
    return 20 + 2.3 * t, 15 + 1.4 * t


def view(picture, t, shift=(0.0, 0.0)):
    x, y = place(t)
    matrix = np.array([[1, 0, x + shift[0]], [0, 1, y + shift[1]]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), flags=flags)


def flickering(frame, rng):
    """A painting: bold strokes, of which a part is another one in every frame."""
    noise = cv2.GaussianBlur(rng.normal(0, 1, frame.shape).astype(np.float32), (0, 0), 1.5) * 60
    return np.clip(255 - frame.astype(np.float32) + noise, 0, 255).astype(np.uint8)


def warping_error(results):
    errors = []
    for before, now in pairwise(results[4:]):
        (x0, y0), (x1, y1) = place(0), place(1)
        moved = cv2.warpAffine(
            before.astype(np.float32),
            np.array([[1, 0, x1 - x0], [0, 1, y1 - y0]]),
            (WIDTH, HEIGHT),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        )
        errors.append(np.square(moved - now)[INSIDE].mean())
    return np.mean(errors)


def contrast(results):
    return np.mean([result[INSIDE].std() for result in results[4:]])


def run(frames, paintings, strength):
    stabilizer = Stabilizer(strength)
    return [stabilizer(*pair) for pair in zip(frames, paintings, strict=True)]


@pytest.fixture(scope="module")
def pan():
    rng = np.random.default_rng(0)
    frames = [view(WORLD, t) for t in range(FRAMES)]
    return frames, [flickering(frame, rng) for frame in frames]


def test_flicker_falls_and_contrast_stays(pan):
    frames, paintings = pan
    results = run(frames, paintings, 0.8)
    assert warping_error(results) < 0.2 * warping_error(paintings)
    assert contrast(results) == pytest.approx(contrast(paintings), rel=0.05)
    assert warping_error(results) < warping_error(run(frames, paintings, 0.4)) < warping_error(paintings)


def test_motion_found_in_reduced_frames_is_that_of_the_whole(pan, monkeypatch):
    frames = pan[0][:8]
    monkeypatch.setattr(stabilize, "_FLOW_SIDE", WIDTH // 2)
    results = run(frames, [255 - frame for frame in frames], 0.8)
    assert np.abs(results[-1].astype(int) - (255 - frames[-1]))[INSIDE].mean() < 3


@pytest.mark.parametrize("strength", [0.8, 1.0])
def test_what_changes_a_little_for_good_is_shown_in_the_end(pan, strength):
    frame, stabilizer = pan[0][0], Stabilizer(strength)
    for level, times in ((100, 2), (109, 150)):
        for _ in range(times):
            result = stabilizer(frame, np.full_like(frame, level))
    assert (result == 109).all()


def test_a_still_painting_stays_sharp(pan):
    frames, _ = pan
    results = run(frames, [255 - frame for frame in frames], 0.8)
    sharpness = [cv2.Laplacian(p, cv2.CV_32F)[INSIDE].std() for p in (results[-1], 255 - frames[-1])]
    assert sharpness[0] > 0.9 * sharpness[1]
    assert np.abs(results[-1].astype(int) - (255 - frames[-1]))[INSIDE].mean() < 3


def test_nothing_is_left_behind_where_an_object_passed():
    still, results, frames = view(WORLD, 0), [], []
    stabilizer = Stabilizer(0.9)
    for t in range(FRAMES):
        frame = still.copy()
        left = 10 + 10 * t
        frame[40:90, left : left + 30] = (250, 30, 30)
        frames.append(frame)
        results.append(stabilizer(frame, 255 - frame))
    for t in range(1, FRAMES):
        wrong = np.abs(results[t].astype(int) - (255 - frames[t])).max(axis=2)
        assert (wrong > 40).mean() < 0.002
        passed = wrong[40:90, 10 + 10 * t - 20 : 10 + 10 * t]
        assert passed.mean() < 6


def test_what_comes_into_view_is_painted_anew(pan):
    frames, paintings = (part[:8] for part in pan)
    for result, painting in zip(run(frames, paintings, 0.9), paintings, strict=True):
        assert (result[:, -3:] == painting[:, -3:]).all()
        assert (result[-2:] == painting[-2:]).all()


def test_another_scene_begins_afresh(pan):
    frames, paintings = pan
    other = photo_pixels(HEIGHT, WIDTH, seed=9)
    stabilizer = Stabilizer(0.9)
    for pair in zip(frames[:5], paintings, strict=False):
        stabilizer(*pair)
    assert (stabilizer(other, 255 - other) == 255 - other).all()
    smaller = np.ascontiguousarray(other[:100])
    assert (stabilizer(smaller, smaller) == smaller).all()


def test_at_strength_0_nothing_is_kept(pan):
    frames, paintings = pan
    for result, painting in zip(run(frames[:4], paintings[:4], 0.0), paintings, strict=False):
        assert np.abs(result.astype(int) - painting).max() <= 1


def test_its_state_goes_on_elsewhere_to_the_bit(pan):
    frames, paintings = pan
    one, other = Stabilizer(0.8), Stabilizer(0.8)
    for pair in zip(frames[:6], paintings, strict=False):
        one(*pair)
    other.restore(one.state())
    for pair in zip(frames[6:9], paintings[6:], strict=False):
        assert (one(*pair) == other(*pair)).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 5), (30, 1000)])
def test_any_size(size):
    stabilizer = Stabilizer(1.0)
    frame = photo_pixels(*size)
    for _ in range(2):
        assert stabilizer(frame, 255 - frame).shape == frame.shape


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_that_cannot_be(strength):
    with pytest.raises(UserError, match="between 0 and 1"):
        Stabilizer(strength)
