"""Before the first frame: what an engine does once is done, and a size that holds the frame rate is found."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from style_transfer.live.adapt import Adapter
from style_transfer.runtime.scaled import shrunk
from style_transfer.runtime.stylizer import Stylizer

_LEAST_SIDE = 176  # pixels of the working size: below, there are no strokes but a blur


def freezes(stylizer: Stylizer, statistics: str) -> bool:
    """Whether ``statistics`` (``live``, ``frozen``, ``auto``) are to follow a camera slowly."""
    return statistics == "frozen" or (statistics == "auto" and stylizer.frozen_is_much_faster)


def warm_up(
    stylizer: Stylizer,
    size: tuple[int, int],
    adapter: Adapter,
    *,
    frozen: bool,
    clock: Callable[[], float] = time.perf_counter,
) -> None:
    """Paint noise of ``size`` (height, width), statistics frozen or live, and start ``adapter`` by it."""
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    look = stylizer.look
    if frozen:
        look = look.frozen(stylizer.measure(frame, look))
    times = []
    for _ in range(3):  # the first call compiles, and so may the second
        start = clock()
        stylizer(frame, look)
        times.append(clock() - start)
    adapter.start(min(times), _LEAST_SIDE / min(size))
    if adapter.scale < 1:
        for _ in range(2):
            stylizer(shrunk(frame, adapter.scale), look)
