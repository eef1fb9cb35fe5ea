"""Long videos that can be interrupted: painted in segments, each kept with all that the next one needs.

A segment is a short video of its own, encoded from a clean start. With the last of them a state is kept: what
the painter remembers, and by which frame of the input to find the place again. At the end the segments'
packets are joined, not encoded anew, so that it does not show in the result whether or where a run was
interrupted.
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import av
from numpy.typing import NDArray

from style_transfer.errors import InputFileError
from style_transfer.files import beside, output_errors, rename, sync
from style_transfer.lock import sole_writer
from style_transfer.media.video.convert import check
from style_transfer.media.video.format import codec_for
from style_transfer.media.video.frame import Frame
from style_transfer.media.video.open import Packet, local
from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.output import join
from style_transfer.media.video.reader import VideoReader
from style_transfer.media.video.run import Control, Progress, Summary, transfer
from style_transfer.media.video.state import State, load_state, save_state
from style_transfer.media.video.writer import VideoWriter, partial_path

SEGMENT_FRAMES = 120  # what an interruption costs at most; each begins with a key frame
_LEAD = 1  # seconds read again before the place where a run goes on, for decoders and deinterlacers to settle


class Painter(Protocol):
    """Paints frames in order, and can go on in another process where it was left in this one."""

    def __call__(self, frame: Frame) -> Frame: ...

    def state(self) -> Mapping[str, NDArray[Any]]: ...

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None: ...


def parts_path(target: Path) -> Path:
    """The folder with the finished segments of ``target``."""
    return beside(target, f"{target.suffix}.parts")


def convert_resumably(
    source: Path,
    target: Path,
    painter: Painter,
    options: VideoOptions,
    settings: Mapping[str, str],
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    segment_frames: int = SEGMENT_FRAMES,
) -> Summary:
    """As :func:`~.convert.convert`, going on from what an interrupted call of the same kind left behind.

    Decoded frames and their times are those of a call that was not interrupted. ``settings`` is what else,
    beside ``options``, makes up the result. Raises ``UserError`` where one of these or the input has
    changed, or another process writes ``target``, ``InputFileError`` where a finished segment is missing.
    """
    check(source, target, options)
    with sole_writer(target), VideoReader(source, options) as reader:
        settings = {**_described(source, target, options), **settings}
        state = load_state(parts_path(target), settings) or State(settings)
        _check_segments(parts_path(target), len(state.starts))
        writer = _SegmentWriter(target, reader, options, state)
        painter.restore(state.painter)

        def paint(frames: Iterator[Frame]) -> Iterator[Frame]:
            number = state.frames
            for frame in frames:
                painted, number = painter(frame), number + 1
                if number % segment_frames:
                    yield painted
                else:
                    yield _LastOfSegment(**vars(painted), mark=_mark(frame), painter=painter.state())

        return transfer(
            reader,
            writer,
            paint,
            Control(progress, should_stop),
            side_by_side=options.side_by_side,
            items=_remaining(source, parts_path(target), options, reader, state, should_stop),
            done=state.frames,
        )


def forget(target: Path) -> None:
    """Remove what is left of a run that was killed after ``target`` had become whole."""
    parts, state = parts_path(target), None
    with suppress(InputFileError):
        state = load_state(parts)
    if state and state.finished and target.exists() and target.stat().st_mtime >= state.saved_at(parts):
        shutil.rmtree(parts, ignore_errors=True)


def _segment(parts: Path, number: int) -> Path:
    return parts / f"{number:05}.partial.mp4"


def _check_segments(parts: Path, count: int) -> None:
    """Raises ``InputFileError`` if one of the first ``count`` finished segments is missing or cut off."""
    for path in (_segment(parts, number) for number in range(count)):
        try:
            with av.open(local(path)) as file:
                whole = bool(file.streams.video)
        except (OSError, av.FFmpegError):
            whole = False
        if not whole:
            raise InputFileError(
                f"cannot resume: '{path}' is missing or damaged; remove '{parts}' to begin anew"
            )


@dataclass(frozen=True)
class _LastOfSegment(Frame):
    """A frame after which a segment ends; ``mark`` is of the input's, ``painter`` the painter's state."""

    mark: tuple[int, int] = (0, 0)
    painter: Mapping[str, NDArray[Any]] | None = None


def _mark(frame: Frame) -> tuple[int, int]:
    return frame.pts, zlib.crc32(frame.pixels.data)


def _described(source: Path, target: Path, options: VideoOptions) -> dict[str, str]:
    with source.open("rb") as file:
        beginning = zlib.crc32(file.read(1 << 20))
    chosen = {name: value for name, value in vars(options).items() if name != "threads"}
    chosen["codec"] = codec_for(target, options.codec)
    return {
        "the input": f"{source.stat().st_size} bytes ({beginning:08x})",
        **{
            f"--{name.replace('_', '-')}": "not given" if value in (None, False) else str(value)
            for name, value in chosen.items()
        },
        "PyAV": av.__version__,
    }


def _remaining(
    source: Path,
    parts: Path,
    options: VideoOptions,
    reader: VideoReader,
    state: State,
    should_stop: Callable[[], bool],
) -> Iterator[Frame | Packet]:
    """The items after the last painted frame, which must be met again as it was; none if stopped before."""
    if state.finished:
        return
    if not state.frames:
        yield from reader.items()
        return
    pts, _ = state.mark
    for seek in (pts * state.time_base - _LEAD, None):  # what cannot seek is read from its beginning
        with VideoReader(source, options, seek=seek) as again:
            items = again.items()
            found = False
            for item in items:
                if should_stop():
                    return
                if isinstance(item, Frame) and item.pts >= pts:
                    found = _mark(item) == state.mark
                    break
            if found:
                for item in items:
                    reader.truncated |= again.truncated
                    yield item
                reader.truncated |= again.truncated
                return
    raise InputFileError(f"'{source}' is not the video that was begun; remove '{parts}' to begin anew")


class _SegmentWriter:
    """A writer for :func:`transfer`: segments into a folder, at the end joined into ``target``."""

    def __init__(self, target: Path, source: VideoReader, options: VideoOptions, state: State) -> None:
        self.target, self.partial, self.notices = target, parts_path(target), list[str]()
        self._source, self._state = source, state
        self._options = replace(options, codec=codec_for(target, options.codec))
        self._growing = self.partial / "growing.mp4"
        self._writer: VideoWriter | None = None
        self._start: int | None = None
        self._frames = 0

    def write(self, item: Frame | Packet) -> None:
        if not isinstance(item, Frame):
            return  # copied at the end
        if self._writer is None:
            self._writer = VideoWriter(self._growing, self._source, self._options, video_only=True)
            self._start, self._frames = item.pts, 0
            self._state.time_base = item.time_base
        self._writer.write(item)
        self._frames += 1
        if isinstance(item, _LastOfSegment):
            self._writer.close()
            self._state.mark, self._state.painter = item.mark, item.painter or {}
            self._keep()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def finish(self) -> None:
        self._state.finished = True
        self._keep()
        self._source.truncated = self._state.truncated
        with VideoReader(self._source.path, self._options) as reader:
            self.notices += join(
                [(_segment(self.partial, number), start) for number, start in enumerate(self._state.starts)],
                self._state.time_base,
                reader,
                self.target,
                no_audio=self._options.no_audio,
            )
            self._source.truncated |= reader.truncated
        shutil.rmtree(self.partial, ignore_errors=True)

    def discard(self) -> None:
        shutil.rmtree(self.partial, ignore_errors=True)

    def _keep(self) -> None:
        """Make the segment that was closed, if there is one, and all that goes with it, last."""
        self._state.truncated |= self._source.truncated
        with output_errors(self.target):
            if self._writer is not None and self._start is not None:
                grown = partial_path(self._growing)
                sync(grown)
                rename(grown, _segment(self.partial, len(self._state.starts)))
                self._state.starts.append(self._start)
                self._state.frames += self._frames
                self.notices += self._writer.notices
                self._writer = None
            save_state(self._state, self.partial)
