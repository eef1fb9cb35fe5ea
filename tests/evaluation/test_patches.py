"""A blob is found where it is, and what the photo had already is none."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import photo_pixels

from style_transfer.evaluation.patches import KINDS, around, standing_out


def found(photo: np.ndarray, painting: np.ndarray) -> dict:
    return {patch.kind: patch for patch in standing_out(photo, painting)}


def test_a_planted_blob_is_found() -> None:
    photo = np.full((128, 160, 3), 90, np.uint8)
    painting = photo.copy()
    painting[40:72, 88:120] = (250, 240, 60)
    patches = found(photo, painting)
    assert list(patches) == list(KINDS)
    for kind in ("brightest", "most saturated", "unlike its surroundings"):
        assert (patches[kind].top, patches[kind].left) == (40, 88), kind
    assert patches["brightest"].score == pytest.approx(
        (0.299 * 250 + 0.587 * 240 + 0.114 * 60) / 255, abs=1e-3
    )
    assert patches["most saturated"].score == pytest.approx(190 / 255, abs=1e-3)
    assert patches["darkest"].score == pytest.approx(1 - 90 / 255, abs=1e-3)
    assert patches["unlike its surroundings"].score > 0.35


def test_what_the_photo_has_too_is_no_blob() -> None:
    photo = np.full((128, 128, 3), 90, np.uint8)
    photo[32:64, 32:64] = 255
    assert found(photo, photo)["unlike its surroundings"].score == 0


def test_a_patch_at_the_corner_has_surroundings_too() -> None:
    photo = photo_pixels(64, 96)
    painting = photo.copy()
    painting[-32:, -32:] = 255
    patch = found(photo, painting)["brightest"]
    assert (patch.top, patch.left) == (32, 64)
    view = around(painting, patch)
    assert view.shape == (96, 96, 3)
    assert (view[33:63, 33:63] == 255).all()
    assert (view[:16, :16] == painting[:16, 32:48]).all()


def test_the_smallest_picture() -> None:
    assert len(standing_out(photo_pixels(32, 32), photo_pixels(32, 32, 1))) == 4
