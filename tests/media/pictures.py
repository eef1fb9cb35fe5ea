"""Pictures that the tests of images make."""

from __future__ import annotations

import numpy as np

from style_transfer.media.image import Picture


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(height * 100 + width).integers(0, 256, (height, width, channels), np.uint8)


def smooth(height: int, width: int) -> np.ndarray:
    """A gradient that lossy formats keep almost exactly, different in every corner."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack(
        [255 * x // max(1, width - 1), 255 * y // max(1, height - 1), np.full_like(x, 90)], -1
    ).astype(np.uint8)


def only_frame(picture: Picture) -> np.ndarray:
    assert not picture.animated
    assert picture.durations == []
    (frame,) = picture.frames
    assert frame.dtype == np.uint8
    assert frame.flags.c_contiguous
    assert frame.shape == (*picture.size, 3)
    return frame
