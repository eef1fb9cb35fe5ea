"""Reading video files: upright RGB frames with exact times, and the packets of every other stream."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.stream import Stream
from av.video.stream import VideoStream

from style_transfer.errors import InputFileError, UserError, one_line
from style_transfer.media.video.continuity import JUMPING_FORMATS, Continuity, move
from style_transfer.media.video.damage import FARTHEST_BACK, LONGEST_STEP, Damage
from style_transfer.media.video.deinterlace import Deinterlacer
from style_transfer.media.video.format import MOST_TICKS
from style_transfer.media.video.frame import (
    Frame,
    ToPixels,
    colour_of,
    display_matrix,
    hdr_kind,
    turns_sideways,
)
from style_transfer.media.video.late import late_tracks
from style_transfer.media.video.open import Packet, main_video, open_video, packets_of, shown_at
from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.pyav import exact, readable
from style_transfer.media.video.rate import at_constant_rate
from style_transfer.media.video.source import VideoInfo

if TYPE_CHECKING:
    from av.container.core import Chapter

_US = Fraction(1, 1_000_000)
# A recorder's or broadcaster's clock may stand anywhere; beyond this it is no offset to be kept.
_LATEST_START = 60
# A header may state a length a little beyond the last packet, so less than this is not taken for a cut.
_SHORTFALL = Fraction(1, 2)
# Beyond it a rate is that of a clock: raw DV states one of 60,000. Below the other a file is damaged.
_HIGHEST_RATE, _LOWEST_RATE = 1000, Fraction(1, 86_400)
# How far apart in a file packets of one time may lie.
_INTERLEAVING = 1


def probe(path: Path) -> VideoInfo:
    """Open ``path`` and decode its first frame. Raises ``InputFileError`` where there is none."""
    with VideoReader(path) as reader:
        return reader.info


class VideoReader:
    """Iterates the frames of ``path`` as they are shown; ``items()`` gives the other streams' packets too.

    ``options`` say which, and how large and at what rate. Times count from their ``start``, and without one
    are the file's own. ``seek`` skips to a frame at or, mostly, before that time, which is one of the
    result's: some files can only be read from their beginning.

    ``truncated`` is True after reading where the file was damaged or ended early; ``notices`` says in
    lines for the user what was not kept as it was.

    Raises ``InputFileError`` for a file that is missing, damaged, or has no frame to show, ``UserError``
    for times that select nothing.
    """

    def __init__(
        self, path: Path, options: VideoOptions | None = None, *, seek: Fraction | None = None
    ) -> None:
        options = options or VideoOptions()
        start, end = options.start, options.last()
        if end is not None and end <= (start or 0):
            raise UserError("the end lies before the start; nothing is left of the video")
        self.path, self.notices, self.truncated = path, list[str](), False
        self._container = open_video(path)
        try:
            self._video = main_video(self._container, path)
            self._video.thread_type, self._video.thread_count = "AUTO", options.threads
            self._base = exact(self._video.time_base) or Fraction(1, 90_000)
            if self._base > LONGEST_STEP:
                raise InputFileError(f"'{path}' is damaged: its clock stands still; get the file anew")
            self._fps, self._to_pixels = options.fps, ToPixels(options.image_size)
            self._others_only = False
            self._continuity = Continuity(self._video.index)
            self._clock: int | None = None  # of the last picture, the file's own
            self._place(start, end, seek)
            self._items = self._peek()
        except BaseException:
            self._container.close()
            raise

    def _place(self, start: Fraction | None, end: Fraction | None, seek: Fraction | None) -> None:
        """Set the times kept, on the file's clock, and what is taken off them."""
        origin = max(0, self._container.start_time or 0) * _US  # before 0 is an encoder's delay of sound
        self._from = None if start is None else origin + start
        self._until = None if end is None else origin + end
        self._shift = self._from or Fraction(0)
        if self._from is None and origin > _LATEST_START:
            self._shift = origin
            self.notices.append(f"the file's clock begins at {float(origin):.0f} s; the result's at 0")
        self.offset = self._shift - origin
        target = self._from if seek is None else self._shift + seek
        # These have no index: a seek lands near the time asked for, maybe after the key frame before it.
        # Raw streams have no times at all.
        told = self._container.start_time is not None
        if target and told and self._container.format.name not in JUMPING_FORMATS:
            with suppress(av.FFmpegError, OverflowError):  # what cannot seek is read from its beginning
                self._container.seek(math.floor(target / self._base), stream=self._video)
        length = None if self._container.duration is None else self._container.duration * _US
        self._length = length and max(Fraction(0), min(length, end or length) - (start or 0))
        self._stated_end = None if length is None else origin + length

    def _peek(self) -> Iterator[Frame | Packet]:
        """Decode up to the first frame, which tells the size, colours and rotation of all."""
        self._first: av.VideoFrame | None = None
        items = self._decode()
        if self._fps is not None:
            items = at_constant_rate(items, self._fps)
        head = []
        for item in items:
            head.append(item)
            if isinstance(item, Frame):
                self.info = self._describe(item)
                return itertools.chain(head, items)
        if self._from is not None or self._until is not None:
            raise UserError(
                f"'{self.path}' has no frames between the start and the end asked for; choose others"
            )
        raise InputFileError(
            f"the video in '{self.path}' has no frame that can be decoded; get the file anew"
        )

    def _describe(self, frame: Frame) -> VideoInfo:
        assert self._first is not None
        if hdr := hdr_kind(self._first):
            self.notices.append(
                f"the video is HDR ({hdr}); the result has standard range, its highlights clipped"
            )
        aspect = exact(self._video.sample_aspect_ratio) or Fraction(1)
        rates = self._fps, exact(self._video.average_rate), exact(self._video.guessed_rate)
        lowest = max(_LOWEST_RATE, 1 / (MOST_TICKS * self._base))
        rate = next((rate for rate in rates if rate and lowest <= rate <= _HIGHEST_RATE), Fraction(25))
        return VideoInfo(
            width=frame.pixels.shape[1],
            height=frame.pixels.shape[0],
            fps=rate,
            frames=None if self._length is None else max(1, round(self._length * rate)),
            pixel_aspect=1 / aspect if turns_sideways(display_matrix(self._first)) else aspect,
            colour=colour_of(self._first),
        )

    @property
    def other_streams(self) -> list[Stream]:
        """Every stream but the one that is painted."""
        return [stream for stream in self._container.streams if stream.index != self._video.index]

    def late_streams(self) -> set[int]:
        """The indices of those of ``other_streams`` of which nothing comes for a while."""
        return late_tracks(self.path, self._video, self.other_streams, self._from)

    @property
    def metadata(self) -> dict[str, str]:
        return dict(self._container.metadata)

    @property
    def stream(self) -> VideoStream:
        """The one that is painted, for its tags: its packets and pictures are the reader's."""
        return self._video

    def chapters(self) -> list[Chapter]:
        """Those that overlap what is read, on its clock."""
        result: list[Chapter] = []
        for chapter in self._container.chapters():
            base = exact(chapter["time_base"]) or Fraction(1, 1000)
            first, last = chapter["start"] * base, chapter["end"] * base
            if (self._until is None or first < self._until) and (self._from is None or last > self._from):
                first = max(first, self._from or first) - self._shift
                last = min(last, self._until or last) - self._shift
                chapter |= {"start": round(first / base), "end": round(last / base)}
                result.append(chapter | {"metadata": readable(chapter["metadata"])})
        return result

    def __iter__(self) -> Iterator[Frame]:
        return (item for item in self._items if isinstance(item, Frame))

    def items(self) -> Iterator[Frame | Packet]:
        """The frames, and the packets of ``other_streams`` near in time; either this or the frames, once."""
        return self._items

    def packets(self) -> Iterator[Packet]:
        """Instead of ``items()``: the packets of ``other_streams`` alone, with no picture decoded."""
        self._others_only = True
        return (item for item in self._items if not isinstance(item, Frame))

    def close(self) -> None:
        self._container.close()

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _decode(self) -> Iterator[Frame | Packet]:
        """Demux, decode, deinterlace, convert; where the file breaks off, what came before it counts."""
        deinterlacer = Deinterlacer(self._video)
        latest, last_pts, done = Fraction(0), None, False
        packets = self._packets()
        if self._container.format.name in JUMPING_FORMATS:
            packets = self._continuity(packets)
        for packet in itertools.chain(packets, [None]):
            if packet is not None:
                time, length = shown_at(packet) or Fraction(0), (packet.duration or 0) * packet.time_base
                latest = max(latest, time + length)
                if packet.stream.index != self._video.index:
                    yield from self._keep(packet, time)
                skips = done or self._others_only
                if skips and self._until is not None and time > self._until + _INTERLEAVING:
                    return
                if skips or packet.stream.index != self._video.index:
                    continue
            for picture in deinterlacer(self._pictures(packet), last=packet is None):
                frame = self._frame(picture, last_pts)
                if frame is None:
                    continue
                last_pts = frame.pts
                if self._until is not None and frame.time + self._shift >= self._until:
                    done = True
                    break
                yield frame
        if jumps := self._continuity.jumps:
            times = "" if jumps == 1 else f" {jumps} times"
            self.notices.append(f"the file's clock jumps{times}; the result's goes on")
        elif self._stated_end is not None and not done and latest < self._stated_end - _SHORTFALL:
            self.truncated = True

    def _packets(self) -> Iterator[Packet]:
        end = self._stated_end and self._stated_end + _SHORTFALL
        damage = Damage(self._video.index, self._container.format.name, end)
        try:
            for packet in damage(packets_of(self._container)):
                self.truncated |= damage.found
                yield packet
            self.truncated |= damage.found
        except OSError as error:  # of a drive that is gone, say: there is more, only not now
            raise InputFileError(
                f"'{self.path}' can no longer be read ({one_line(error)}); try again"
            ) from error
        except av.FFmpegError:
            self.truncated = True

    def _pictures(self, packet: Packet | None) -> list[av.VideoFrame]:
        """The decoder's next pictures; its last for None."""
        try:
            return self._video.codec_context.decode(packet)
        except av.FFmpegError:
            self.truncated = True
            return []

    def _keep(self, packet: Packet, time: Fraction) -> Iterator[Packet]:
        if packet.stream.type == "subtitle":
            time = self._trim(packet, time)
        if (self._from is not None and time < self._from) or (
            self._until is not None and time >= self._until
        ):
            return
        move(packet, -self._shift)
        yield packet

    def _trim(self, packet: Packet, time: Fraction) -> Fraction:
        """Cut a subtitle to what is kept of the time it is shown; when that begins."""
        ends = time + (packet.duration or 0) * packet.time_base
        begins = time if self._from is None or ends <= self._from else max(time, self._from)
        ends = ends if self._until is None else min(ends, self._until)
        if packet.duration and begins < ends:
            packet.pts = packet.dts = round(begins / packet.time_base)
            packet.duration = round(ends / packet.time_base) - packet.pts
        return begins

    def _frame(self, picture: av.VideoFrame, last_pts: int | None) -> Frame | None:
        """None before the start. A time that is missing, or not after the last, becomes the next one."""
        factor = (exact(picture.time_base) or self._base) / self._base
        duration = round(picture.duration * factor)
        if picture.pts is not None:
            self._clock = round(picture.pts * factor)
        else:
            self._clock = 0 if self._clock is None else self._clock + max(duration, 1)
        pts = self._clock - round(self._shift / self._base)
        if self._from is not None and pts < 0:
            return None
        if last_pts is not None:
            if (last_pts - pts) * self._base > FARTHEST_BACK:
                self.truncated, pts = True, last_pts + duration
            pts = max(pts, last_pts + 1)
        if self._first is None:
            self._first = picture
        return Frame(self._to_pixels(picture), pts, self._base, duration, offset=self.offset)
