"""Timecodes: the number of a film's first frame, in hours, minutes, seconds and frames."""

from __future__ import annotations

import re
from fractions import Fraction

from style_transfer.media.video.rate import first_tick

_TIMECODE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)", re.ASCII)
_MOST_FRAMES = 255  # a second, that MP4 has room for


def advanced(timecode: str, fps: Fraction, seconds: Fraction) -> str | None:
    """The timecode of what is shown ``seconds`` after ``timecode``; None for one that MP4's muxer refuses.

    Its last part counts frames. After a semicolon or full stop, two of thirty numbers are dropped at the
    beginning of each minute but every tenth, to keep up with the clock (SMPTE ST 12-1).
    """
    parts, count = _TIMECODE.fullmatch(timecode), round(fps)
    if parts is None or not 0 < count <= _MOST_FRAMES or (parts[4] != ":" and count % 30):
        return None
    if not seconds:
        return timecode
    hours, minutes, second, frame = (int(parts[n]) for n in (1, 2, 3, 5))
    minutes += 60 * hours
    dropped = 0 if parts[4] == ":" else count // 15
    ten_minutes = 600 * count - 9 * dropped
    # The rate that was meant: the average is off where but the last frame is shown for longer.
    rate = min(Fraction(count), Fraction(1000 * count, 1001), key=lambda rate: abs(rate - fps))
    number = (60 * minutes + second) * count + frame - dropped * (minutes - minutes // 10)
    tens, rest = divmod((number + first_tick(seconds, rate)) % (24 * 6 * ten_minutes), ten_minutes)
    whole = max(0, (rest - dropped) // (60 * count - dropped))  # minutes; the first has all its numbers
    second, frame = divmod(600 * count * tens + rest + dropped * whole, count)
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}{parts[4]}{frame:02}"
