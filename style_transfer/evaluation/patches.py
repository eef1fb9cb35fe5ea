"""Patches of a painting that stand out: where to look for blobs, the spots that a norm can cause."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from style_transfer.media.pixels import Pixels

SIDE = 32  # pixels
_STEP = 8  # between the patches that are compared
#: What a patch is ranked by, each the higher the more so, in 0..1.
KINDS = ("brightest", "darkest", "most saturated", "unlike its surroundings")


@dataclass(frozen=True)
class Patch:
    """The highest of its kind in a painting; ``top`` and ``left`` in pixels."""

    kind: str
    score: float
    top: int
    left: int


def standing_out(photo: Pixels, painting: Pixels) -> list[Patch]:
    """One patch of each of :data:`KINDS`; both pictures ``uint8`` ``(H, W, 3)``, sides of 32 or more.

    Bright, dark and saturated are means over a patch: its luminance, what it lacks of white, and the distance
    between its strongest and weakest channel. Unlike its surroundings is how far its mean colour is from that
    of three times its width around it, less the same in the photo: what was there before is no blob.
    """
    colour, before = _means(painting, SIDE), _means(photo, SIDE)
    grey = colour @ np.array([0.299, 0.587, 0.114], np.float32)
    unlike = _distance(colour, _means(painting, 3 * SIDE)) - _distance(before, _means(photo, 3 * SIDE))
    scores = (grey, 1 - grey, colour.max(2) - colour.min(2), unlike)
    return [_highest(kind, score) for kind, score in zip(KINDS, scores, strict=True)]


def around(pixels: Pixels, patch: Patch) -> Pixels:
    """Three by three patches, ``patch`` in the middle framed in white; mirrored at the picture's edges."""
    padded = cv2.copyMakeBorder(pixels, SIDE, SIDE, SIDE, SIDE, cv2.BORDER_REFLECT_101)
    view = padded[patch.top : patch.top + 3 * SIDE, patch.left : patch.left + 3 * SIDE].copy()
    cv2.rectangle(view, (SIDE - 1, SIDE - 1), (2 * SIDE, 2 * SIDE), (255, 255, 255))
    return np.asarray(view, np.uint8)


def _means(pixels: Pixels, side: int) -> NDArray[np.float32]:
    """Mean colours in 0..1 of squares of ``side`` pixels, about the middles of all patches compared."""
    means = cv2.blur(pixels.astype(np.float32) / np.float32(255), (side, side), borderType=cv2.BORDER_REFLECT)
    height, width = pixels.shape[:2]
    half = SIDE // 2
    return np.asarray(means[half : height - half + 1 : _STEP, half : width - half + 1 : _STEP], np.float32)


def _distance(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.abs(ours - theirs).mean(2), np.float32)


def _highest(kind: str, score: NDArray[np.float32]) -> Patch:
    row, column = np.unravel_index(int(score.argmax()), score.shape)
    return Patch(kind, float(score[row, column]), int(row) * _STEP, int(column) * _STEP)
