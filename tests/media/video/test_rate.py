"""Frames at a constant rate, by their times."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from style_transfer.media.video.frame import Frame
from style_transfer.media.video.rate import at_constant_rate

MS = Fraction(1, 1000)


def shown(times: Sequence[int], fps: int, last: int = 40) -> list[tuple[int, int]]:
    """Number and ``repeat`` at each tick, of frames that begin at ``times`` milliseconds."""
    ends = [*times[1:], times[-1] + last]
    frames = [
        Frame(np.full((1, 1, 3), number, np.uint8), begins, MS, end - begins)
        for number, (begins, end) in enumerate(zip(times, ends, strict=True))
    ]
    result = list(at_constant_rate(frames, Fraction(fps)))
    assert all(frame.time_base == Fraction(1, fps) for frame in result)
    return [(int(frame.pixels[0, 0, 0]), frame.repeat) for frame in result]


def test_a_tick_shows_what_has_begun_or_begins_a_moment_later() -> None:
    assert shown([0, 41, 79, 120], 25) == [(0, 1), (1, 1), (2, 1), (3, 1)]
    assert shown([0, 60, 80], 25) == [(0, 2), (2, 1)]
    assert shown([0, 400], 10, last=20) == [(0, 4)]
    assert shown([0, 400], 10, last=200) == [(0, 4), (1, 2)]


def test_however_short_there_is_a_frame() -> None:
    assert shown([0], 1) == [(0, 1)]
    assert shown([0, 10, 20], 1) == [(2, 1)]


def test_what_is_no_frame_passes_in_its_place() -> None:
    frames = [Frame(np.zeros((1, 1, 3), np.uint8), number, MS * 40, 1) for number in range(2)]
    assert list(at_constant_rate(["sound", frames[0], "more"], Fraction(25)))[:2] == ["sound", "more"]
