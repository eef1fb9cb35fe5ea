"""Painting at another size than the picture's: larger strokes, and less to compute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from style_transfer.runtime.color import combine
from style_transfer.runtime.look import Look

Paint: TypeAlias = "Callable[[NDArray[np.uint8], Look], NDArray[np.uint8]]"
_STRIDE = 8  # working sizes are multiples of it


def shrunk_to(photo: NDArray[np.uint8], long_side: int | None) -> NDArray[np.uint8]:
    """:func:`shrunk` so that the longer side is about ``long_side`` pixels; None: the photo itself."""
    return shrunk(photo, long_side / max(photo.shape[:2]) if long_side else 1)


def shrunk(photo: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """``uint8`` ``(H, W, 3)`` at about a share of its sides; from 1 on the photo itself."""
    if scale >= 1:
        return photo
    height, width = (
        min(side, max(_STRIDE, round(side * scale / _STRIDE) * _STRIDE)) for side in photo.shape[:2]
    )
    return np.asarray(cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def paint_scaled(
    paint: Paint, photo: NDArray[np.uint8], small: NDArray[np.uint8], look: Look
) -> NDArray[np.uint8]:
    """``uint8`` ``(H, W, 3)`` → the same, painted at the size of ``small``, the photo :func:`shrunk`.

    ``paint`` is a stylizer, or what paints as one does. What the look keeps of the photo stays as sharp as it
    was.
    """
    if small is photo:
        return paint(photo, look)
    painting = paint(small, replace(look, strength=1.0, preserve_color=False))
    size = (photo.shape[1], photo.shape[0])
    large = np.asarray(cv2.resize(painting, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    return combine(photo, large, look)


def reduced(frame: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """``frame`` shrunk by area averaging to at most ``pixels`` pixels, its shape kept."""
    height, width = frame.shape[:2]
    scale = (pixels / (height * width)) ** 0.5
    if scale >= 1:
        return frame
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
