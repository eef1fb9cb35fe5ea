"""Pictures larger than memory: tiles that fit together without a seam.

Instance norm makes every output pixel depend on the whole picture through its norms' statistics. Taken
once, from the picture reduced, and frozen, they leave a plain convolutional network, which looks no further
than its reach: a tile with that much of its surroundings around it comes out as if the whole had been painted
at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray


def reduced(frame: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """``frame`` shrunk by area averaging to at most ``pixels`` pixels, its shape kept."""
    height, width = frame.shape[:2]
    scale = (pixels / (height * width)) ** 0.5
    if scale >= 1:
        return frame
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def tiles(
    height: int, width: int, side: int, margin: int
) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Cut ``height`` × ``width`` into tiles of ``side`` pixels with ``margin`` more to see around each.

    Yields for each tile what to paint (rows, columns of the picture, the margin clipped at the borders) and
    where its core lies inside of that. ``side`` and ``margin`` must be multiples of the network's stride, so
    that every tile sees its pixels on the same grid as the whole picture does.
    """
    for top in range(0, height, side):
        for left in range(0, width, side):
            view_top, view_left = max(0, top - margin), max(0, left - margin)
            bottom, right = min(height, top + side), min(width, left + side)
            view = (
                slice(view_top, min(height, bottom + margin)),
                slice(view_left, min(width, right + margin)),
            )
            core = (slice(top - view_top, bottom - view_top), slice(left - view_left, right - view_left))
            yield view, core
