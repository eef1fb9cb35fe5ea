"""Flow and motion: exact where it is known, masked where it cannot be."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import photo_pixels

from style_transfer.errors import UserError
from style_transfer.evaluation.flow import Motion, estimated_motion, inside, sample
from style_transfer.evaluation.motion import MOTIONS, FilmedClip, MadeClip
from style_transfer.media.image import read_image

PHOTOS = Path(__file__).parents[2] / "assets" / "photos"


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Without repetition, smooth enough to be resampled."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 6, width // 6, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def floats(frame: np.ndarray) -> np.ndarray:
    return frame.astype(np.float32) / np.float32(255)


def shifted(pixels: float, height: int = 4, width: int = 6) -> np.ndarray:
    return np.stack([np.full((height, width), pixels), np.zeros((height, width))], 2).astype(np.float32)


def test_sampling_and_the_edge() -> None:
    ramp = np.tile(np.arange(6, dtype=np.float32), (4, 1))
    assert (sample(ramp, shifted(2))[:, :4] == ramp[:, 2:]).all()
    assert inside(shifted(2))[:, :4].all()
    assert not inside(shifted(2))[:, 4:].any()
    assert not inside(shifted(-1))[:, 0].any()


def test_the_error_counts_what_both_frames_show_alone() -> None:
    before = np.zeros((4, 6, 3), np.float32)
    after = np.zeros_like(before)
    after[:, 3:] = 0.5
    flow, seen = shifted(0), np.zeros((4, 6), np.bool_)
    assert Motion(flow, seen).error(before, after) is None
    seen[:, :3] = True
    assert Motion(flow, seen).error(before, after) == 0
    seen[:, 3] = True
    assert Motion(flow, seen).error(before, after) == pytest.approx(0.25 / 4)


def test_estimated_motion_follows_a_shift_and_hides_what_it_uncovers() -> None:
    scene = texture(96, 160)
    before, after = scene[:, 8:136], scene[:, 4:132]  # everything moves 4 pixels to the right
    motion = estimated_motion(before, after)
    assert np.median(motion.flow[..., 0]) == pytest.approx(4, abs=0.1)
    assert not motion.seen[:, -4:].any()
    assert motion.seen[8:-8, 8:-12].mean() > 0.9
    assert motion.error(floats(before), floats(after)) < 1e-3
    assert motion.error(floats(before), floats(before)) > 1e-2


def test_what_is_covered_is_not_compared() -> None:
    before, after = texture(120, 160), texture(120, 160)
    square = texture(48, 48, 7)
    before[36:84, 40:88] = square
    after[36:84, 52:100] = square
    seen = estimated_motion(before, after).seen
    assert seen[40:80, 90:99].mean() < 0.4  # about to be covered
    assert seen[60:80, 52:76].mean() > 0.9
    assert seen[:24].mean() > 0.95


def film_photo(name: str) -> np.ndarray:
    pixels = read_image(PHOTOS / f"{name}.jpg").frames[0]
    return cv2.resize(pixels, (320, 240), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("level", [0, 128])
@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_across_a_cut_to_or_from_a_flat_frame_nothing_is_seen(name: str, level: int) -> None:
    photo = film_photo(name)
    flat = np.full_like(photo, level)
    for before, after in ((flat, photo), (photo, flat)):
        assert estimated_motion(before, after).seen.sum() == 0


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_what_moves_into_a_little_more_light_is_still_seen(name: str) -> None:
    photo = film_photo(name)
    before, after = photo[8:-8, 8:-8], cv2.convertScaleAbs(photo[6:-10, 5:-11], alpha=1.1)
    assert estimated_motion(np.ascontiguousarray(before), after).seen.mean() > 0.85


def test_tiny_frames_stand_still() -> None:
    motion = estimated_motion(photo_pixels(8, 8), photo_pixels(8, 8, 1))
    assert not motion.flow.any()
    assert motion.seen.all()


@pytest.mark.parametrize("kind", MOTIONS)
def test_made_clips_move_exactly_as_they_say(kind) -> None:
    clip = MadeClip(cv2.GaussianBlur(texture(180, 240), (0, 0), 2), kind, frames=6)
    frames = list(clip)
    assert len(frames) == 6
    assert frames[0][1] is None
    for (before, _), (after, motion) in itertools.pairwise(frames):
        assert before.shape == (144, 192, 3)
        assert motion.seen.mean() > 0.7
        moved = motion.error(floats(before), floats(after))
        still = Motion(np.zeros_like(motion.flow), motion.seen).error(floats(before), floats(after))
        assert moved < 3 * (1.5 / 255) ** 2  # noise, and next to nothing
        assert still > 4 * moved


def test_made_clips_are_the_same_each_time() -> None:
    clip = MadeClip(texture(90, 90), "shake", frames=3)
    for (first, _), (again, _) in zip(clip, clip, strict=True):
        assert (first == again).all()


def test_a_photo_too_small_to_move_is_refused() -> None:
    with pytest.raises(UserError, match="too small"):
        MadeClip(photo_pixels(30, 90), "pan")


def test_a_filmed_clip_is_reduced_and_cut(tmp_path) -> None:
    from clips import make_clip

    scene = texture(96, 200)
    pixels = [scene[:, 2 * t : 2 * t + 128] for t in range(6)]
    path = make_clip(tmp_path / "pan.mp4", size=(128, 96), pts=range(6), pixels=pixels)
    frames = list(FilmedClip(path, 64, 4))
    assert [frame.shape for frame, _ in frames] == [(48, 64, 3)] * 4
    assert [motion is None for _, motion in frames] == [True, False, False, False]
    assert np.median(frames[1][1].flow[..., 0]) == pytest.approx(-1, abs=0.25)
    assert next(iter(FilmedClip(path, 640)))[0].shape == (96, 128, 3)
