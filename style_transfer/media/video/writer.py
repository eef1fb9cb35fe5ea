"""Writing video files that can be played at every moment and take their name when whole."""

from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.container import OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from style_transfer.errors import UserError
from style_transfer.files import beside, output_errors, rename, sync
from style_transfer.media.video.format import CODECS, MOST_TICKS, codec_for, container_for, encoder_options
from style_transfer.media.video.frame import Frame, FromPixels
from style_transfer.media.video.open import Packet, reason
from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.output import new_output, output_error, remux, tag
from style_transfer.media.video.source import Source
from style_transfer.media.video.streams import OtherStreams

_SVT_FPS = Fraction(240)


def partial_path(target: Path) -> Path:
    """Where ``target`` grows until it is whole: ``clip.partial.mp4`` beside ``clip.mp4``.

    It has the target's container, an MP4 being fragmented: Matroska would round times to a millisecond.
    """
    return beside(target, f".partial{target.suffix}")


class VideoWriter:
    """Writes frames, and the packets of ``source``'s other streams, towards ``target``, as ``options`` say.

    ``close()`` makes what was written whole under ``partial_path(target)``; ``finish()`` after it gives
    it its final name. Colours, pixel shape, chapters and tags are ``source``'s. The first frame sets the
    size; odd sides are padded by one pixel, which ``notices`` says, as it does of streams that change.
    ``video_only`` leaves all other streams out.

    Raises ``UserError`` for a codec, quality or preset that cannot be had, before anything is written,
    and ``OutputError`` where the system refuses to write.
    """

    def __init__(
        self, target: Path, source: Source, options: VideoOptions, *, video_only: bool = False
    ) -> None:
        self.target, self.partial = target, partial_path(target)
        self.notices: list[str] = []
        self._source, self._threads = source, options.threads
        self._no_audio, self._video_only = options.no_audio, video_only
        self._container = container_for(target)
        self._codec = codec_for(target, options.codec)
        self._options = encoder_options(self._codec, options.crf, options.preset, options.threads)
        self._from_pixels = FromPixels(source.info.colour)
        self._early: list[Packet] = []
        self._waiting: list[Packet] = []
        self._late: set[int] = set()
        self._output: OutputContainer | None = None
        self._base = Fraction(1)
        self._failed = self._begun = False

    def write(self, item: Frame | Packet) -> None:
        """Append a frame, or a packet of one of the source's other streams, which is given away by it."""
        try:
            if isinstance(item, Frame):
                if self._output is None:
                    self._open(item)
                self._encode(item)
            elif self._output is None:
                self._early.append(item)
            elif self._waits(item.stream):
                self._waiting.append(item)
            else:
                self._others.mux(item)
        except (OSError, av.FFmpegError) as error:
            self._failed = True
            raise output_error(self.partial, error) from error

    def close(self) -> None:
        """Encode what is pending and make the partial file whole; after an error as far as can be."""
        if self._output is None:
            return
        output, self._output = self._output, None
        try:
            if not self._failed:
                output.mux(self._video.encode(None))
                self._others.flush()
            output.close()
        except (OSError, av.FFmpegError) as error:
            if not self._failed:
                raise output_error(self.partial, error) from error
        finally:
            self.notices += self._others.notices

    def finish(self) -> None:
        """Give the closed file its final container and name, over what had it. Raises ``OutputError``."""
        if self._container.fragmented:
            self.notices += remux(
                self.partial, self.target, self._source, self._base, self._waiting, no_audio=self._no_audio
            )
            with suppress(OSError):  # on Windows while it is played: the result is there all the same
                self.partial.unlink()
        else:
            with output_errors(self.target):
                sync(self.partial)
                rename(self.partial, self.target)

    def discard(self) -> None:
        """Remove the closed partial file, if this writer made it."""
        if self._begun:
            with suppress(OSError):
                self.partial.unlink()

    def _open(self, first: Frame) -> None:
        self.partial.parent.mkdir(parents=True, exist_ok=True)
        self._begun = True
        self._base = first.time_base
        growing = self._container.growing_options()
        output = new_output(self.partial, self._source, self._container, self._base, growing)
        self._video = self._add_video(output, first)
        others: list[Stream] = []
        if not self._video_only:
            if self._container.fragmented:
                self._late = self._source.late_streams()
            others = [stream for stream in self._source.other_streams if not self._waits(stream)]
        self._others = OtherStreams(others, output, self._container, self.target, no_audio=self._no_audio)
        try:
            output.start_encoding()
        except OSError:
            raise
        except (av.FFmpegError, ValueError) as error:
            height, width = first.pixels.shape[:2]
            raise UserError(
                f"{self._codec} cannot be encoded at {width}×{height} ({reason(error)}); choose others"
            ) from error
        self._output = output
        early, self._early = self._early, []
        for packet in early:
            self.write(packet)

    def _waits(self, stream: Stream) -> bool:
        """True for what joins an MP4 last, kept in memory, where it is little.

        Fragments would each end subtitles anew, and not one is written before every track has begun.
        """
        return self._container.fragmented and (stream.type == "subtitle" or stream.index in self._late)

    def _add_video(self, output: OutputContainer, first: Frame) -> VideoStream:
        info = self._source.info
        height, width = (side + side % 2 for side in first.pixels.shape[:2])
        if (height, width) != first.pixels.shape[:2]:
            self.notices.append(f"padded by a pixel to {width}×{height}, as video has even sides")
        added = output.add_stream(
            CODECS[self._codec].encoder, rate=info.fps, time_base=first.time_base, width=width, height=height
        )
        stream = cast(VideoStream, added)
        context = stream.codec_context
        context.options = dict(self._options)
        os.environ.setdefault("SVT_LOG", "1")  # errors alone: it writes to stderr by itself
        if self._codec == "av1":  # for its rate control, and a limit of SVT-AV1's; times are frames' own
            context.framerate = min(info.fps, _SVT_FPS)
        context.thread_count = self._threads
        context.thread_type = "AUTO"  # slices alone, PyAV's default, cost quality and keep fewer cores busy
        context.pix_fmt = "yuv420p"
        context.color_range = 1  # limited
        context.colorspace = info.colour.matrix
        context.color_primaries = info.colour.primaries
        context.color_trc = info.colour.transfer
        context.sample_aspect_ratio = info.pixel_aspect
        if self._codec == "hevc" and self._container.fragmented:
            context.codec_tag = "hvc1"  # Apple's players know no other
        tag(stream, self._source, output)
        return stream

    def _encode(self, frame: Frame) -> None:
        assert self._output is not None
        picture = self._from_pixels(frame.pixels)
        picture.time_base = frame.time_base
        longest = MOST_TICKS * (self._video.time_base or frame.time_base)
        for number in range(frame.repeat):
            picture.pts = frame.pts + number * frame.duration
            picture.duration = frame.duration if frame.duration * frame.time_base <= longest else 0
            self._output.mux(self._video.encode(picture))
