"""Times: reading them from a command line, and resampling frames to a constant rate by them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TypeVar

from style_transfer.errors import UserError
from style_transfer.media.video.frame import Frame

Other = TypeVar("Other")

_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)", re.ASCII)


def parse_time(text: str) -> Fraction:
    """Seconds of ``"42.5"``, ``"0:42.5"`` or ``"1:02:03"``, exactly. ``UserError`` for anything else."""
    match = _TIME.fullmatch(text.strip())
    hours, minutes, seconds = match.groups() if match else (None, None, None)
    if seconds is None or (minutes and Fraction(seconds) >= 60) or (hours and int(minutes or 0) >= 60):
        raise UserError(
            f"'{text}' is no time; write seconds, minutes:seconds or hours:minutes:seconds, as in 0:42.5"
        )
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + Fraction(seconds)


def at_constant_rate(items: Iterable[Frame | Other], fps: Fraction) -> Iterator[Frame | Other]:
    """At each tick of ``fps`` the frame that is shown then; what is not a frame passes.

    One shown at several ticks comes once and says so in ``repeat``, so that it is painted once.
    """
    held: Frame | None = None
    shown, ends = False, 0
    for item in items:
        if not isinstance(item, Frame):
            yield item
            continue
        tick = first_tick(item.time, fps)
        if held is not None and tick > held.pts:
            yield replace(held, repeat=tick - held.pts)
            shown = True
        held = replace(item, pts=tick, time_base=1 / fps, duration=1)
        ends = first_tick(item.time + item.duration * item.time_base, fps)
    if held is not None and (ends > held.pts or not shown):
        yield replace(held, repeat=max(1, ends - held.pts))


def first_tick(time: Fraction, fps: Fraction) -> int:
    """Of those from ``time`` on; one just missed counts, as containers round times."""
    return math.ceil(time * fps - Fraction(1, 4))
