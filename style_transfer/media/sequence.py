"""Image sequences such as ``frame_%05d.png``, read and written as films, with videos on either side too."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from style_transfer.errors import InputFileError, UserError
from style_transfer.files import are_same, exists
from style_transfer.lock import sole_writer
from style_transfer.media.alpha import fill_hidden
from style_transfer.media.image import Picture, read_image, resize_long_side
from style_transfer.media.image_writer import DEFAULT_QUALITY, output_format, write_image
from style_transfer.media.patterns import Pattern, is_pattern
from style_transfer.media.pixels import Pixels
from style_transfer.media.video.convert import check
from style_transfer.media.video.frame import Colour, Frame
from style_transfer.media.video.open import Packet
from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.reader import VideoReader
from style_transfer.media.video.run import Control, Progress, Summary, Writer, transfer
from style_transfer.media.video.source import VideoInfo
from style_transfer.media.video.writer import VideoWriter

if TYPE_CHECKING:
    from av.container.core import Chapter
    from av.stream import Stream
    from av.video.stream import VideoStream

DEFAULT_FPS = Fraction(25)
_BT709 = Colour(1, 1, 1)
_GAPS_NAMED = 5


@dataclass(frozen=True)
class Still(Frame):
    """A frame with its ``number``; ``alpha`` as in :class:`.Picture`; ``exists``: its result is there."""

    number: int = 0
    alpha: Pixels | None = None
    exists: bool = False


class SequenceReader:
    """A :class:`~.video.source.Source` of images; ``options.fps`` is their rate, 25 if it is None.

    Numbers count time: where one is missing, the frame before it is shown for longer.
    Raises ``InputFileError`` where there is no such file and, while reading, for one that is damaged or not
    as large as the first; ``UserError`` where none lies between ``start`` and ``end``.
    """

    stream: VideoStream | None = None
    truncated = False

    def __init__(self, path: Path, options: VideoOptions) -> None:
        self.path, self._pattern, self._options = path, Pattern(path), options
        self.other_streams: Sequence[Stream] = []
        self.metadata: dict[str, str] = {}
        numbers = self._pattern.numbers()
        if not numbers:
            raise InputFileError(f"there is no file '{self._pattern.file(1)}' or alike; check the name")
        self._fps, self._origin = options.fps or DEFAULT_FPS, numbers[0]
        start, end = options.start or Fraction(0), options.last()
        self.offset = math.ceil(start * self._fps) / self._fps
        self._numbers = [
            number
            for number in numbers
            if (time := (number - numbers[0]) / self._fps) >= start and (end is None or time < end)
        ]
        if not self._numbers:
            raise UserError(f"'{path}' has no frames between the start and the end asked for; choose others")
        self.notices = _gaps(self._numbers, path)
        height, width = self._read(self._numbers[0]).size
        self.info = VideoInfo(width, height, self._fps, len(self._numbers), Fraction(1), _BT709)

    def late_streams(self) -> set[int]:
        return set()

    def chapters(self) -> list[Chapter]:
        return []

    def items(self) -> Iterator[Frame | Packet]:
        first = self._origin + round(self.offset * self._fps)
        for number in self._numbers:
            picture = self._read(number)
            fill_hidden(picture.frames[0], picture.alphas[0])
            if picture.size != (self.info.height, self.info.width):
                raise InputFileError(
                    f"'{self._pattern.file(number)}' is {picture.size[1]}x{picture.size[0]}, and the first"
                    f" frame {self.info.width}x{self.info.height}; all have to be of one size"
                )
            yield Still(
                picture.frames[0],
                number - first,
                1 / self._fps,
                1,
                offset=self.offset,
                number=number,
                alpha=picture.alphas[0],
            )

    def close(self) -> None:
        """Nothing is open between frames."""

    def _read(self, number: int) -> Picture:
        picture = read_image(self._pattern.file(number))
        size = self._options.image_size
        return resize_long_side(picture, size) if size else picture


class SequenceWriter:
    """Writes each :class:`Still` into its file, whole; those that exist are left alone."""

    def __init__(self, path: Path, quality: int) -> None:
        output_format(path)
        self.target = self.partial = path
        self.notices: list[str] = []
        self._pattern, self._quality = Pattern(path), quality

    def write(self, item: Frame | Packet) -> None:
        if not isinstance(item, Still) or item.exists:
            return
        alpha, (height, width) = item.alpha, item.pixels.shape[:2]
        if alpha is not None and alpha.shape == (height, width // 2):  # the input beside it has the same
            alpha = np.hstack([alpha, alpha])
        elif alpha is not None and alpha.shape != (height, width):
            alpha = None
        picture = Picture([item.pixels], [alpha])
        for number in range(item.number, item.number + item.repeat):
            write_image(picture, self._pattern.file(number), quality=self._quality)

    def close(self) -> None:
        """Every file is whole already."""

    finish = discard = close


class Painter(Protocol):
    """Paints frames in order; ``skip`` takes one that was painted before, with its result."""

    def __call__(self, frame: Frame) -> Frame: ...

    def skip(self, frame: Frame, painted: Pixels) -> None: ...


def convert_sequence(
    source: Path,
    target: Path,
    painter: Painter,
    options: VideoOptions,
    *,
    overwrite: bool = False,
    quality: int = DEFAULT_QUALITY,
    progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """As :func:`~.video.convert.convert`, where ``source``, ``target`` or both are patterns of images.

    Images keep their numbers; those of a video count from 1. A result that exists is read instead of
    painted unless ``overwrite``, so that a film goes on as if it had not been interrupted.
    """
    if options.fps is not None and options.fps <= 0:
        raise UserError(f"--fps must be above 0, not {float(options.fps):g}")
    into_images = is_pattern(target)
    if into_images:
        _check_no_codec(options)
    else:
        check(source, target, options)
    with ExitStack() as stack:
        stack.enter_context(sole_writer(target))
        reader = SequenceReader(source, options) if is_pattern(source) else VideoReader(source, options)
        stack.callback(reader.close)
        files = Pattern(target) if into_images else None
        if files and is_pattern(source):
            _check_no_input_is_lost(Pattern(source), files)
        writer: Writer = SequenceWriter(target, quality) if files else VideoWriter(target, reader, options)

        def paint(frames: Iterator[Frame]) -> Iterator[Frame]:
            number = 1
            for frame in frames:
                still = frame if isinstance(frame, Still) else Still(**vars(frame), number=number)
                number += frame.repeat
                painted = None if files is None or overwrite else _painted_before(files, still)
                if painted is None:
                    yield painter(still)
                else:
                    painter.skip(still, painted)
                    yield replace(still, pixels=painted, exists=True)

        control = Control(progress, should_stop)
        return transfer(reader, writer, paint, control, side_by_side=options.side_by_side)


def _check_no_codec(options: VideoOptions) -> None:
    """Raises ``UserError`` for what only a video could have."""
    for name in ("codec", "crf", "preset"):
        if getattr(options, name) is not None:
            raise UserError(f"an image sequence has no --{name}; leave it out, or write a video with -o")


def _check_no_input_is_lost(source: Pattern, files: Pattern) -> None:
    """Raises ``UserError`` where a result would be one of the images of ``source``."""
    for number in source.numbers():
        if are_same(files.file(number), source.file(number)):
            raise UserError(
                f"the result would overwrite the input '{source.file(number)}'; choose another with -o"
            )


def _painted_before(files: Pattern, still: Still) -> Pixels | None:
    names = [files.file(number) for number in range(still.number, still.number + still.repeat)]
    if not all(exists(name) for name in names):
        return None
    try:
        pixels = read_image(names[0]).frames[0]
    except InputFileError:
        return None  # painted anew
    height, width = still.pixels.shape[:2]
    return pixels[:, -width:] if pixels.shape[0] == height and pixels.shape[1] >= width else None


def _gaps(numbers: Sequence[int], path: Path) -> list[str]:
    gaps = [f"{a + 1}" if b == a + 2 else f"{a + 1} to {b - 1}" for a, b in pairwise(numbers) if b > a + 1]
    if not gaps:
        return []
    more = f" and {len(gaps) - _GAPS_NAMED} gaps more" if len(gaps) > _GAPS_NAMED else ""
    return [f"frames are missing in '{path}': {', '.join(gaps[:_GAPS_NAMED])}{more}"]
