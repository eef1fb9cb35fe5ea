"""Before the first frame: what an engine does once is done, and how long a frame takes is known."""

from __future__ import annotations

import time
from collections.abc import Callable

from style_transfer.media.pixels import Pixels
from style_transfer.runtime.look import Look
from style_transfer.runtime.stylizer import Stylizer


def warm_up(
    stylizer: Stylizer, frame: Pixels, *, frozen: bool, clock: Callable[[], float] = time.monotonic
) -> tuple[Look, float]:
    """Paint ``frame``, uint8 RGB HWC, a few times, with its statistics frozen or live.

    Returns the look it was painted with and the seconds that a frame of its size takes from now on.
    """
    look = stylizer.look
    if frozen:
        look = look.frozen(stylizer.measure(frame, look))
    times = []
    for _ in range(3):  # the first call compiles, and so may the second
        start = clock()
        stylizer(frame, look)
        times.append(clock() - start)
    return look, min(times)
