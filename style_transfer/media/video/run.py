"""One video on its way: a thread that reads, the caller's that paints, a thread that writes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np

from style_transfer.errors import OutputError
from style_transfer.files import exists
from style_transfer.media.pixels import Pixels
from style_transfer.media.video.channel import Cancelled, Channel
from style_transfer.media.video.frame import Frame
from style_transfer.media.video.open import Packet
from style_transfer.media.video.source import Source

Paint = Callable[[Iterator[Frame]], Iterable[Frame]]
"""From the input's frames to the output's: one for each, in order, all of one size."""

_AHEAD = 4  # frames between two stages
_PACKET_WEIGHT = 1 / 64  # of a frame


@dataclass(frozen=True)
class Progress:
    """After each painted frame; ``total`` is an estimate, None where the file does not tell."""

    frames: int
    total: int | None
    time: Fraction


@dataclass
class Summary:
    """What became of a video.

    ``path``       the target, or what there is of it if stopped; None if nothing was written.
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


class Writer(Protocol):
    """Where frames go; ``partial`` is what there is before ``finish()`` has given ``target`` its name."""

    target: Path
    partial: Path
    notices: list[str]

    def write(self, item: Frame | Packet) -> None: ...

    def close(self) -> None:
        """Make what was written whole; after an error as far as can be."""

    def finish(self) -> None: ...

    def discard(self) -> None:
        """Remove what was begun, where no frame came."""


@dataclass
class Control:
    """What a run reports to and is stopped by; both are called in the painting thread, frame by frame, and
    ``should_stop`` in the reading one too, while a run that goes on looks for its place.
    """

    progress: Callable[[Progress], None] = lambda _: None
    should_stop: Callable[[], bool] = lambda: False


def transfer(
    source: Source,
    writer: Writer,
    paint: Paint,
    control: Control,
    *,
    side_by_side: bool = False,
    items: Iterator[Frame | Packet] | None = None,
    done: int = 0,
) -> Summary:
    """Paint all of ``source``, or ``items`` of it where ``done`` frames were painted before, and finish."""
    run = _Run(items or source.items(), writer, paint, control, side_by_side, source.info.frames, done)
    run()
    if not run.stopped:
        writer.finish()
    summary = Summary(writer.target, run.frames, not run.stopped, source.truncated)
    summary.notices = list(dict.fromkeys([*source.notices, *writer.notices]))
    if run.stopped:
        summary.path = writer.partial if run.frames else None
    if summary.truncated:
        summary.notices.append(f"'{source.path}' is damaged or ends early; what could be read of it was kept")
    return summary


class _Run:
    def __init__(
        self,
        items: Iterator[Frame | Packet],
        writer: Writer,
        paint: Paint,
        control: Control,
        side_by_side: bool,
        total: int | None,
        done: int,
    ) -> None:
        self._items, self._writer, self._paint, self._control = items, writer, paint, control
        self._side_by_side, self._total = side_by_side, total
        self.frames, self.stopped = done, False
        self._written = self._done = done
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
            if not self._written:
                self._writer.discard()
        if self._write_error is not None:
            raise self._write_error

    def _paint_all(self) -> None:
        for frame in self._paint(self._incoming()):
            if self._side_by_side:
                pixels = np.hstack([self._beside.popleft(), frame.pixels])
                frame = replace(frame, pixels=pixels)
            self._painted.put(frame)
            self.frames += 1
            shown_until = frame.time + frame.duration * frame.repeat * frame.time_base
            self._control.progress(Progress(self.frames, self._total, shown_until))
            if self._control.should_stop():
                self.stopped = True
                return
        self.stopped = self.frames == self._done and self._control.should_stop()

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
            for item in self._items:
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
                    self._written += isinstance(item, Frame)
            finally:
                self._writer.close()
        except BaseException as error:
            self._write_error = error
            self._painted.cancel()
            if isinstance(error, OutputError) and self._written and exists(self._writer.partial):
                error.args = (f"{error}; what was written so far is in '{self._writer.partial}'",)
