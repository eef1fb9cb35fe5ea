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
# Back it never goes by itself, but for stamps that are a little wrong.
_BACK = Fraction(1, 2)


class Continuity:
    """Moves the packets after each jump of the picture's clock so that it goes on; sound moves with it."""

    def __init__(self, video: int) -> None:
        """``video`` is the index of the stream that is painted, whose packets tell the time."""
        self._video = video
        self._moves = [Fraction(0)]  # what is added to times, seconds; the last one holds now
        self._now: Fraction | None = None  # where the picture ends so far, moved
        self._reached: dict[int, Fraction] = {}  # of each stream by the order of its packets, moved
        self._waiting: list[Packet] = []
        self._since: Fraction | None = None  # when the first of these came, of the picture's time

    @property
    def jumps(self) -> int:
        """How many there were so far."""
        return len(self._moves) - 1

    def __call__(self, packets: Iterable[Packet]) -> Iterator[Packet]:
        """The same packets, in order but for those of other streams that come before the picture's jump.

        Of sound that is longer than its picture what overlaps with the next is left out.
        """
        for packet in packets:
            if packet.stream.index != self._video:
                yield from self._join([packet])
                continue
            time = shown_at(packet)  # where clocks change, times of decoding may be the former's
            if time is not None:
                self._follow(packet, time)
            move(packet, self._moves[-1])
            yield packet
            if self._waiting:
                waiting, self._waiting = self._waiting, []
                yield from self._join(waiting)
                if not self._waiting:
                    self._since = None
        for packet in self._waiting:  # sound that is longer than the picture
            move(packet, self._moves[-1])
            yield packet

    def _follow(self, packet: Packet, time: Fraction) -> None:
        ends, decoded = time + (packet.duration or 0) * packet.time_base, time
        if packet.dts is not None:
            decoded = min(decoded, packet.dts * packet.time_base)
        if self._now is not None:
            ahead = time + self._moves[-1] - self._now
            # Nothing is shown before it is decoded, and what came before is decoded already.
            if abs(ahead) > _JUMP or self._goes_back(packet, time + self._moves[-1]):
                self._moves.append(self._now - time)
        self._now = max(self._now or Fraction(0), ends + self._moves[-1])
        self._reached[packet.stream.index] = decoded + self._moves[-1]

    def _goes_back(self, packet: Packet, time: Fraction) -> bool:
        return time < self._reached.get(packet.stream.index, time) - _BACK

    def _join(self, packets: Iterable[Packet]) -> Iterator[Packet]:
        """Those that belong to the picture's time, before its last jump or after it; the others wait."""
        for packet in packets:
            time = shown_at(packet)
            if time is None or self._now is None:
                move(packet, self._moves[-1])
                yield packet
                continue
            now = self._now
            moves = [moved for moved in self._moves[-2:] if not self._goes_back(packet, time + moved)]
            moved = min(moves or self._moves[-2:], key=lambda moved: abs(time + moved - now))
            since = now if self._since is None else self._since
            # It goes back: before the picture, which will in a moment, or alone.
            if abs(time + moved - now) > _JUMP or (not moves and now - since <= _BACK):
                self._since = since
                self._waiting.append(packet)
                continue
            overlaps = moves and time + moved < self._reached.get(packet.stream.index, time + moved)
            if not (overlaps and self.jumps):
                self._reached[packet.stream.index] = time + moved
                move(packet, moved)
                yield packet


def move(packet: Packet, seconds: Fraction) -> None:
    """Add ``seconds`` to the packet's times."""
    if seconds:
        ticks = round(seconds / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks
