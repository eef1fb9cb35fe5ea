"""Pictures larger than memory: tiles that fit together without a seam.

Instance norm makes every output pixel depend on the whole picture through its norms' statistics. Taken once,
from parts all over the picture, and frozen, they leave a plain convolutional network, which looks no further
than its reach: a tile with that much of its surroundings around it comes out as if the whole had been painted
at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_SAMPLE_SIDE = 256  # pixels; smaller squares are more of the picture's parts, and more seams between them


def sampled(frame: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """Squares of ``frame``, evenly from all over it and about ``pixels`` in all, joined to one picture.

    ``frame`` itself if it has no more. A reduced picture in its place would be sharper, pixel for pixel, and
    so have other statistics: with them strokes come out with half to four fifths of their contrast.
    """
    height, width = frame.shape[:2]
    if height * width <= pixels:
        return frame
    side = min(_SAMPLE_SIDE, height), min(_SAMPLE_SIDE, width)
    count = pixels / (side[0] * side[1])
    columns = min(max(1, round((count * width / height) ** 0.5)), width // side[1])
    rows = min(max(1, round(count / columns)), height // side[0])
    columns = min(columns, max(1, round(count / rows)))
    tops = np.linspace(0, height - side[0], rows).astype(int)
    lefts = np.linspace(0, width - side[1], columns).astype(int)
    return np.vstack(
        [np.hstack([frame[top : top + side[0], left : left + side[1]] for left in lefts]) for top in tops]
    )


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
