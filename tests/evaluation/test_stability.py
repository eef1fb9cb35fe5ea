"""Stability: what moves with the film is still, what flickers is not, and softness is seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from helpers import photo_pixels

from style_transfer.evaluation.flow import Motion
from style_transfer.evaluation.motion import MadeClip
from style_transfer.evaluation.stability import measure_clip

CLIP = MadeClip(cv2.GaussianBlur(photo_pixels(150, 180, 2), (0, 0), 2), "shake", frames=6)


class Flicker:
    """Each frame as a whole brighter or darker than the one before."""

    def __init__(self, by: int) -> None:
        self.by, self.count = by, 0

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        self.count += 1
        return np.where(self.count % 2, frame // 2 + 60, frame // 2 + 60 + self.by).astype(np.uint8)


def test_painters_are_told_apart() -> None:
    pattern = np.random.default_rng(0).integers(0, 60, (120, 144, 1), dtype=np.uint8)
    found = measure_clip(CLIP, {
        "input": lambda frame: frame,
        "inverted": lambda frame: 255 - frame,
        "flicker": Flicker(40),
        "stuck to the frame": lambda frame: frame // 2 + pattern,
        "soft": lambda frame: cv2.GaussianBlur(frame, (0, 0), 3),
        "pale": lambda frame: frame // 2 + 64,
    })  # fmt: skip
    error = {name: stability.warping_error for name, stability in found.items()}
    assert error["input"] < 3 * (1.5 / 255) ** 2
    assert error["inverted"] == pytest.approx(error["input"], rel=0.05)
    assert error["flicker"] == pytest.approx((40 / 255) ** 2, rel=0.05)
    assert error["stuck to the frame"] > 10 * error["input"]
    assert found["soft"].variation < 0.8 * found["input"].variation
    assert found["pale"].contrast == pytest.approx(0.5 * found["input"].contrast, rel=0.02)
    assert found["pale"].over(found["input"])["contrast"] == pytest.approx(0.5, rel=0.02)
    assert found["pale"].over(found["input"])["style_loss"] is None


def test_the_style_loss_is_taken_now_and_then() -> None:
    asked = []
    found = measure_clip(CLIP, {"input": lambda frame: frame}, lambda frame: asked.append(frame) or 0.25)
    assert len(asked) == 1
    assert found["input"].style_loss == 0.25


def test_a_cut_is_no_flicker() -> None:
    """Two scenes one after the other: the little that seems to be seen on both sides may not count."""
    first, second = (list(MadeClip(photo_pixels(150, 180, seed), "pan", frames=3)) for seed in (1, 2))
    seen = np.zeros((120, 144), np.bool_)
    seen[:11] = True
    little = Motion(np.zeros((120, 144, 2), np.float32), seen)

    class Film:
        name = "two scenes"

        def __iter__(self):
            return iter([*first, (second[0][0], little), *second[1:]])

    cut = measure_clip(Film(), {"input": lambda frame: frame})["input"].warping_error
    scenes = [MadeClip(photo_pixels(150, 180, seed), "pan", frames=3) for seed in (1, 2)]
    alone = [measure_clip(scene, {"input": lambda frame: frame})["input"].warping_error for scene in scenes]
    assert cut == pytest.approx(np.mean(alone))


def test_one_frame_has_no_flicker_to_measure() -> None:
    one = MadeClip(photo_pixels(60, 60), "pan", frames=1)
    assert measure_clip(one, {"input": lambda frame: frame})["input"].warping_error is None
