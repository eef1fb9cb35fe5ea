"""Videos through a painter: decoding, painting and encoding side by side, sound and times kept.

::

    for path in videos:
        summary = convert(path, target, paint, VideoOptions(codec="h264"), progress=print)

The pieces are :class:`VideoReader` and :class:`VideoWriter`, which are of use alone too.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from style_transfer.errors import OutputError, UserError
from style_transfer.media.pixels import Pixels
from style_transfer.media.video.channel import Cancelled, Channel
from style_transfer.media.video.format import VIDEO_EXTENSIONS, codec_for, container_for, encoder_options
from style_transfer.media.video.frame import Frame
from style_transfer.media.video.open import Packet
from style_transfer.media.video.rate import parse_time
from style_transfer.media.video.reader import VideoInfo, VideoReader, probe
from style_transfer.media.video.writer import VideoWriter, partial_path

__all__ = [
    "VIDEO_EXTENSIONS",
    "Frame",
    "Progress",
    "Summary",
    "VideoInfo",
    "VideoOptions",
    "VideoReader",
    "VideoWriter",
    "convert",
    "each",
    "parse_time",
    "partial_path",
    "probe",
]

Paint = Callable[[Iterator[Frame]], Iterable[Frame]]
"""From the input's frames to the output's: one for each, in order, all of one size."""

_AHEAD = 4  # frames between two stages
_PACKET_WEIGHT = 1 / 64  # of a frame


@dataclass(frozen=True)
class VideoOptions:
    """What to read and how to write it.

    ``start`` ``end``  seconds from the beginning of the file; None: all of it.
    ``preview``        the first so many seconds of that only.
    ``fps``            a constant rate to resample to; None keeps every frame and its time.
    ``image_size``     the long side in pixels, both sides made even; None keeps the size.
    ``side_by_side``   the input to the left of the output, in one picture.
    ``codec``          ``h264``, ``hevc``, ``av1`` or ``vp9``; None: the first that the container holds.
    ``crf`` ``preset`` of the encoder, lower and slower is better; None: ``CODECS``' of video_format.
    ``threads``        of the decoder, and of the encoder; 0 lets them choose.
    """

    start: Fraction | None = None
    end: Fraction | None = None
    preview: Fraction | None = None
    fps: Fraction | None = None
    image_size: int | None = None
    side_by_side: bool = False
    codec: str | None = None
    crf: int | None = None
    preset: str | None = None
    no_audio: bool = False
    threads: int = 0

    def last(self) -> Fraction | None:
        """The end, or that of the preview if it comes first."""
        if self.preview is None:
            return self.end
        previewed = (self.start or 0) + self.preview
        return previewed if self.end is None else min(self.end, previewed)


@dataclass(frozen=True)
class Progress:
    """After each painted frame; ``total`` is an estimate, None where the file does not tell."""

    frames: int
    total: int | None
    time: Fraction


@dataclass
class Summary:
    """What became of a video.

    ``path``       the target, or the partial file if stopped; None if nothing was written.
    ``frames``     painted frames.
    ``complete``   False after ``should_stop``.
    ``truncated``  the input was damaged or broke off; what could be read of it is in ``path``.
    ``notices``    lines for the user: what could not be kept as it was.
    """

    path: Path | None
    frames: int = 0
    complete: bool = True
    truncated: bool = False
    notices: list[str] = field(default_factory=list)


def each(function: Callable[[Pixels], Pixels]) -> Paint:
    """A painter of frames one by one from a function of uint8 RGB, HWC."""
    return lambda frames: (replace(frame, pixels=function(frame.pixels)) for frame in frames)


def convert(
    source: Path,
    target: Path,
    paint: Paint,
    options: VideoOptions | None = None,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Paint the video ``source`` into ``target``; ``paint`` and ``progress`` run in the calling thread.

    Frames keep their times and the other streams their packets. The result grows in
    ``partial_path(target)`` and has its name when whole. Stopped by ``should_stop``, Ctrl-C or an
    exception of ``paint``, the partial file is closed whole and playable and keeps its name; only the
    first returns a summary, the others are raised on.

    Raises ``UserError`` for what cannot be asked for, ``InputFileError`` for a file that has no video,
    ``OutputError`` if the disk refuses.
    """
    options = options or VideoOptions()
    _check(source, target, options)
    with VideoReader(
        source,
        start=options.start,
        end=options.last(),
        fps=options.fps,
        long_side=options.image_size,
        threads=options.threads,
    ) as reader:
        writer = VideoWriter(
            target,
            reader,
            codec=options.codec,
            crf=options.crf,
            preset=options.preset,
            threads=options.threads,
            no_audio=options.no_audio,
        )
        run = _Run(reader, writer, paint, options.side_by_side, progress, should_stop)
        run()
        summary = Summary(
            target, run.frames, not run.stopped, reader.truncated, reader.notices + writer.notices
        )
        if run.stopped:
            summary.path = writer.partial if run.frames else None
        else:
            writer.finish()
    if summary.truncated:
        summary.notices.append(f"'{source}' is damaged or ends early; what could be read of it was kept")
    return summary


def _check(source: Path, target: Path, options: VideoOptions) -> None:
    """What can be known to be wrong before a file is opened."""
    encoder_options(codec_for(target, options.codec), options.crf, options.preset, options.threads)
    container_for(target)
    if options.fps is not None and not 0 < options.fps <= 1000:
        raise UserError(f"the frame rate is {float(options.fps):g}; it must lie above 0 and be at most 1000")
    if options.image_size is not None and options.image_size < 2:
        raise UserError(f"the size is {options.image_size} pixels; it must be at least 2")
    if options.preview is not None and options.preview <= 0:
        raise UserError("the preview has no length; give its seconds")
    if target.is_dir():
        raise UserError(f"the output '{target}' is a folder; choose another with -o")
    if target.exists() and source.exists() and target.samefile(source):
        raise UserError(f"the result would overwrite the input '{source}'; choose another output with -o")


class _Run:
    """One video on its way: a thread that reads, the caller's that paints, a thread that writes."""

    def __init__(
        self,
        reader: VideoReader,
        writer: VideoWriter,
        paint: Paint,
        side_by_side: bool,
        progress: Callable[[Progress], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._reader, self._writer, self._paint = reader, writer, paint
        self._side_by_side, self._progress, self._should_stop = side_by_side, progress, should_stop
        self.frames, self.stopped = 0, False
        self._decoded: Channel[Frame | Packet] = Channel(_AHEAD)
        self._painted: Channel[Frame | Packet] = Channel(_AHEAD)
        self._beside: deque[Pixels] = deque()
        self._write_error: BaseException | None = None

    def __call__(self) -> None:
        threads = [
            threading.Thread(target=run, name=run.__name__, daemon=True) for run in (self._read, self._write)
        ]
        for thread in threads:
            thread.start()
        try:
            self._paint_all()
        except Cancelled:
            pass  # the writer failed; its error is raised below
        finally:
            # On every way out: the reader is let go, and the writer writes what it has been given.
            self._decoded.cancel()
            self._painted.end()
            for thread in threads:
                thread.join()
            if not self.frames:
                self._writer.discard()
        if self._write_error is not None:
            raise self._write_error

    def _paint_all(self) -> None:
        total = self._reader.info.frames
        for frame in self._paint(self._incoming()):
            if self._side_by_side:
                pixels = np.hstack([self._beside.popleft(), frame.pixels])
                frame = replace(frame, pixels=pixels)
            self._painted.put(frame)
            self.frames += 1
            self._progress(
                Progress(self.frames, total, frame.time + frame.duration * frame.repeat * frame.time_base)
            )
            if self._should_stop():
                self.stopped = True
                return

    def _incoming(self) -> Iterator[Frame]:
        """Frames for the painter; the packets between them go straight on to the writer."""
        for item in self._decoded:
            if not isinstance(item, Frame):
                self._painted.put(item, _PACKET_WEIGHT)
                continue
            if self._side_by_side:
                self._beside.append(item.pixels)
            yield item

    def _read(self) -> None:
        try:
            for item in self._reader.items():
                self._decoded.put(item, 1 if isinstance(item, Frame) else _PACKET_WEIGHT)
            self._decoded.end()
        except Cancelled:
            pass
        except BaseException as error:
            self._decoded.end(error)

    def _write(self) -> None:
        try:
            try:
                for item in self._painted:
                    self._writer.write(item)
            finally:
                self._writer.close()
        except BaseException as error:
            self._write_error = error
            self._painted.cancel()
            if isinstance(error, OutputError) and self.frames and self._writer.partial.exists():
                error.args = (f"{error}; what was written so far is in '{self._writer.partial}'",)
