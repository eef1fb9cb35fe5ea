"""Telling by a file's packets where it is damaged."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

from style_transfer.media.video.continuity import JUMPING_FORMATS
from style_transfer.media.video.format import MOST_TICKS
from style_transfer.media.video.open import Packet, shown_at

#: Seconds: where nothing comes for longer, or a clock goes back so far, a time is false.
LONGEST_STEP, FARTHEST_BACK = 3600, 10
_BEYOND = 10  # seconds: the longest step to where the file says that it has ended


class Damage:
    """Looks at the packets as they come; ``found`` says whether there was damage."""

    def __init__(self, video: int, container: str, end: Fraction | None) -> None:
        """``video`` is the index of the painted stream, ``container`` FFmpeg's name of the format, ``end``
        where the file says that it ends, in seconds.
        """
        self.found = False
        self._video, self._counted, self._jumps = video, container == "mpegts", container in JUMPING_FORMATS
        self._end = end
        self._doubts = deque([False, False])  # of the picture's last two packets, whether they are whole
        self._latest: Fraction | None = None

    def __call__(self, packets: Iterable[Packet]) -> Iterator[Packet]:
        """The same packets; false times are taken from the picture's, and others that have one left out."""
        for packet in packets:
            self._look(packet)
            if not self._jumps and self._is_too_far(packet):
                self.found = True
                if packet.stream.index != self._video:
                    continue
                packet.pts = packet.dts = None
            yield packet
        self.found |= any(self._doubts)

    def _look(self, packet: Packet) -> None:
        """Where the count of packets jumps, MPEG-TS takes the one before for cut off, and the parser the one
        before that: also where whole films were joined, and there a key frame is next.
        """
        if packet.stream.index != self._video or not self._counted:
            self.found |= packet.is_corrupt
            return
        self.found |= self._doubts.popleft() and not packet.is_keyframe
        self._doubts.append(packet.is_corrupt)

    def _is_too_far(self, packet: Packet) -> bool:
        """Whether no whole file would have it here, after all before."""
        time = shown_at(packet)
        if time is None:
            return False
        latest = time if self._latest is None else self._latest
        most = LONGEST_STEP if self._end is None or time <= self._end else _BEYOND
        if time - latest > min(Fraction(most), MOST_TICKS * packet.time_base):
            return True
        self._latest = max(latest, time)
        return False
