"""Broadcasts and recordings whose clock jumps, put on one that does not.

Files of MPEG may be joined end to end, hold what a receiver recorded across a break, or have a damaged time
stamp. Taken as they are, all frames after a jump back would be shown in one moment, and after a jump ahead a
still of hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from style_transfer.media.video.open import Packet, shown_at

#: Formats whose packets may do that; in the others a gap is one that somebody made.
JUMPING_FORMATS = ("mpegts", "mpeg")
# Seconds. A programme may pause for some; no clock that was set anew comes out this close but by chance.
_JUMP = 10


class Continuity:
    """Moves the packets after each jump of the picture's clock so that it goes on; sound moves with it."""

    def __init__(self, video: int) -> None:
        """``video`` is the index of the stream that is painted, whose packets tell the time."""
        self._video = video
        self._moves = [Fraction(0)]  # what is added to times, seconds; the last one holds now
        self._now: Fraction | None = None  # where the picture's last packet ends, moved
        self._waiting: list[Packet] = []

    @property
    def jumps(self) -> int:
        """How many there were so far."""
        return len(self._moves) - 1

    def __call__(self, packets: Iterable[Packet]) -> Iterator[Packet]:
        """The same packets, in order but for those of other streams that come before the picture's jump."""
        for packet in packets:
            if packet.stream.index != self._video:
                yield from self._join([packet])
                continue
            time = shown_at(packet)  # where clocks change, times of decoding may be the former's
            if time is not None:
                if self._now is not None and abs(time + self._moves[-1] - self._now) > _JUMP:
                    self._moves.append(self._now - time)
                self._now = time + self._moves[-1] + (packet.duration or 0) * packet.time_base
            move(packet, self._moves[-1])
            yield packet
            if self._waiting:
                waiting, self._waiting = self._waiting, []
                yield from self._join(waiting)
        for packet in self._waiting:  # sound that is longer than the picture
            move(packet, self._moves[-1])
            yield packet

    def _join(self, packets: Iterable[Packet]) -> Iterator[Packet]:
        """Those that belong to the picture's time, before its last jump or after it; the others wait."""
        for packet in packets:
            time = shown_at(packet)
            if time is None or self._now is None:
                move(packet, self._moves[-1])
                yield packet
                continue
            now = self._now
            moved = min(self._moves[-2:], key=lambda seconds: abs(time + seconds - now))
            if abs(time + moved - now) > _JUMP:
                self._waiting.append(packet)
            else:
                move(packet, moved)
                yield packet


def move(packet: Packet, seconds: Fraction) -> None:
    """Add ``seconds`` to the packet's times."""
    if seconds:
        ticks = round(seconds / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks
