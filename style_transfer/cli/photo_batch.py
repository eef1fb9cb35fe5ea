"""Stylizing photos: decoding, network and encoding overlapped, one bad file stopping nothing."""

from __future__ import annotations

import argparse
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from tqdm import tqdm

from style_transfer.cli.common import say
from style_transfer.cli.outcome import Outcome
from style_transfer.errors import StyleTransferError, UserError
from style_transfer.media.alpha import fill_hidden
from style_transfer.media.collect import Job
from style_transfer.media.image import Picture, pixels_stated, read_image, resize_long_side
from style_transfer.media.image_writer import check_fits, output_format, write_image
from style_transfer.runtime.margin import paint_with_margin
from style_transfer.runtime.scaled import paint_scaled, shrunk_to
from style_transfer.runtime.steady import Steady
from style_transfer.runtime.stylizer import Stylizer

_AHEAD = 2  # photos decoded before, and encoded after, the one in the network
_LARGE_STROKES_END = 6_000_000  # pixels; of a photo beyond them, strokes are hardly seen as such
_LARGE_PIXELS = 32_000_000  # of these only one is in memory at a time


class PhotoBatch:
    """One run over photos; ``outcome`` counts what came of them."""

    def __init__(self, args: argparse.Namespace, outcome: Outcome) -> None:
        self.args, self.outcome = args, outcome
        self._large = threading.Semaphore()
        self._hinted = False

    def run(self, stylizer: Stylizer, jobs: Sequence[Job]) -> None:
        """Raises the error itself where there is one photo only, and ``OutputError`` in any case."""
        bar = tqdm(
            total=len(jobs),
            unit="photo",
            disable=None if len(jobs) > 1 or _is_large(jobs[0]) else True,
            bar_format="{percentage:3.0f}% |{bar}| {n:.4g}/{total} [{elapsed}<{remaining}, {rate_fmt}]",
        )
        writing: deque[tuple[Job, Future[None]]] = deque()
        with bar, ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(_AHEAD) as writer:
            try:
                for number, (job, decoded) in enumerate(self._read_ahead(reader, jobs)):
                    try:
                        held, picture = decoded.result()
                    except StyleTransferError as error:
                        self.outcome.fail(error)
                    else:
                        self._hint(picture, job)
                        if self._paint(stylizer, job, picture, partial(_advance, bar, number)):
                            writing.append((job, writer.submit(self._write, picture, job.target, held)))
                        elif held:
                            self._large.release()
                        del picture
                    while writing and (len(writing) > _AHEAD or writing[0][1].done()):
                        self._finish(*writing.popleft())
                    _advance(bar, number, 1)
            finally:
                # Also after Ctrl-C: what is being written is written whole, and a reader that waits for a
                # large picture to leave is let go.
                reader.shutdown(wait=False, cancel_futures=True)
                try:
                    while writing:
                        self._finish(*writing.popleft())
                finally:
                    self._large.release()

    def _hint(self, picture: Picture, job: Job) -> None:
        """Say once that a large photo gets small strokes; who chose a size knows."""
        pixels, sizes = picture.size[0] * picture.size[1], self.args.image_size or self.args.paint_size
        if pixels > _LARGE_STROKES_END and not (sizes or self._hinted):
            self._hinted = True
            size = f"'{job.source}' has {pixels / 1e6:.0f} megapixels"
            say(f"{size}, and strokes keep their size in pixels: --paint-size 1600 makes them larger")

    def _paint(
        self, stylizer: Stylizer, job: Job, picture: Picture, progress: Callable[[float], None]
    ) -> bool:
        """In place: of a large picture there is no memory for two. False where it cannot be painted."""
        count = len(picture.frames)
        # An animation is a film; a photo has statistics of its own.
        film = Steady(stylizer) if count > 1 and self.args.statistics == "frozen" else None
        paint = stylizer if count > 1 else partial(paint_with_margin, stylizer)

        times = list(accumulate(picture.durations or [100] * count, initial=0))  # milliseconds

        def share(before: int, done: float) -> None:
            progress((before + done) / count)

        for i in range(count):
            frame = picture.frames[i]
            try:
                fill_hidden(frame, picture.alphas[i])
                small = shrunk_to(frame, self.args.paint_size)
                look = film.follow(small, [stylizer.look], seconds=times[i] / 1000) if film else stylizer.look
                telling = partial(paint, progress=partial(share, i))
                picture.frames[i] = paint_scaled(telling, frame, small, look)
            except StyleTransferError as error:
                self.outcome.fail(error, job.source)
                return False
            except Exception as error:
                what = "this photo cannot be painted ({reason}); try --image-size"
                self.outcome.fail_unforeseen(error, job.source, what)
                return False
        return True

    def _read_ahead(
        self, reader: ThreadPoolExecutor, jobs: Sequence[Job]
    ) -> Iterator[tuple[Job, Future[tuple[bool, Picture]]]]:
        queue: deque[tuple[Job, Future[tuple[bool, Picture]]]] = deque()
        for job in jobs:
            queue.append((job, reader.submit(self._read, job)))
            if len(queue) > _AHEAD:
                yield queue.popleft()
        yield from queue

    def _read(self, job: Job) -> tuple[bool, Picture]:
        limit = round(self.args.max_megapixels * 1e6)
        held = _is_large(job) and self._large.acquire()
        try:
            picture = read_image(job.source, max_pixels=limit)
            if picture.animated and not output_format(job.target).animates:
                kept = f"'{job.target}' holds the first of {len(picture.frames)} pictures"
                say(f"{kept}; .gif, .webp, .png and .avif hold all")
                picture = replace(picture, frames=picture.frames[:1], alphas=picture.alphas[:1], durations=[])
            if self.args.image_size:
                picture = resize_long_side(picture, self.args.image_size)
            check_fits(picture, job.target)  # before minutes of painting what cannot be written
        except BaseException:
            if held:
                self._large.release()
            raise
        return held, picture

    def _write(self, picture: Picture, target: Path, held: bool) -> None:
        try:
            write_image(picture, target, quality=self.args.quality)
        finally:
            if held:
                self._large.release()

    def _finish(self, job: Job, written: Future[None]) -> None:
        try:
            written.result()
        except StyleTransferError as error:
            self.outcome.fail(error)
        else:
            self.outcome.done(job.target)


def _advance(bar: Any, before: int, done: float) -> None:
    """Move the bar to ``before`` photos and the share ``done`` of the next."""
    bar.update(before + done - bar.n)


def _is_large(job: Job) -> bool:
    """By the file's header; what cannot be opened is for the reader to complain of."""
    try:
        return pixels_stated(job.source) > _LARGE_PIXELS
    except UserError:
        return False
