"""Stylizing files: decoding, network and encoding overlapped, one bad file stopping nothing."""

from __future__ import annotations

import argparse
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from style_transfer.cli.common import duration, say
from style_transfer.errors import OutputError, StyleTransferError, UserError
from style_transfer.media.collect import ImageJob, collect_images
from style_transfer.media.image import Picture, read_image, resize_long_side
from style_transfer.media.image_writer import WRITABLE_FORMATS, write_image
from style_transfer.networks.catalogue import DEFAULT_MODEL, list_models, load_model
from style_transfer.networks.style_model import parse_mix
from style_transfer.runtime.stylizer import Stylizer

_AHEAD = 2  # photos decoded before, and encoded after, the one in the network
_LARGE_PIXELS = 32_000_000  # of these only one is in memory at a time


def run(args: argparse.Namespace) -> int:
    """Stylize as asked; 0 when every photo came out, 1 when some could not be read."""
    if args.list_models:
        return _list_models()
    _check(args)
    model = load_model(args.model or DEFAULT_MODEL)
    if args.list_styles:
        print(*model.styles, sep="\n")
        return 0
    mix = parse_mix(args.style) if args.style else {model.style_names[0]: 1.0}
    model.weights(mix)
    jobs = collect_images(
        [Path(name) for name in args.inputs],
        args.output,
        suffix="-".join(name for name, weight in mix.items() if weight > 0),
        extension=_extension(args.format),
    )
    todo = jobs if args.overwrite else [job for job in jobs if not job.target.exists()]
    batch = _Batch(args, len(todo))
    if todo:
        stylizer = Stylizer(
            model,
            mix,
            device=args.device,
            precision=args.precision,
            strength=args.strength,
            preserve_color=args.preserve_color,
        )
        batch.run(stylizer, todo)
    batch.summarise(len(jobs) - len(todo), jobs)
    return 1 if batch.failed else 0


def _check(args: argparse.Namespace) -> None:
    if args.image_size is not None and args.image_size < 1:
        raise UserError(f"--image-size must be 1 or more, not {args.image_size}")
    if not 1 <= args.quality <= 100:
        raise UserError(f"--quality must be from 1 to 100, not {args.quality}")
    if not args.max_megapixels > 0:
        raise UserError(f"--max-megapixels must be above 0, not {args.max_megapixels:g}")


def _list_models() -> int:
    for name in list_models():
        model = load_model(name)
        print(f"{name}: {model.network.name} network, {len(model.styles)} styles: {', '.join(model.style_names)}")
    return 0


def _extension(name: str | None) -> str | None:
    if name is None:
        return None
    wanted = {"jpeg": "jpg", "tif": "tiff"}.get(name.lower(), name.lower())
    if wanted not in WRITABLE_FORMATS:
        raise UserError(f"unknown format '{name}'; choose one of {', '.join(WRITABLE_FORMATS)}")
    return WRITABLE_FORMATS[wanted]


@dataclass
class _Batch:
    """One run over a list of jobs, and what came of it."""

    args: argparse.Namespace
    total: int
    written: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        self._start = time.perf_counter()
        self._large = threading.Semaphore()

    def run(self, stylizer: Stylizer, jobs: Sequence[ImageJob]) -> None:
        """Raises the error itself where there is one photo only, and ``OutputError`` in any case."""
        bar = tqdm(total=len(jobs), unit="photo", disable=None if len(jobs) > 1 or _is_large(jobs[0]) else True,
                   bar_format="{percentage:3.0f}% |{bar}| {n:.4g}/{total} [{elapsed}<{remaining}, {rate_fmt}]")  # fmt: skip
        writing: deque[tuple[ImageJob, Future[None]]] = deque()
        with bar, ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(_AHEAD) as writer:
            try:
                for number, (job, decoded) in enumerate(self._read_ahead(reader, jobs)):
                    try:
                        held, picture = decoded.result()
                    except StyleTransferError as error:
                        self._fail(error)
                    else:
                        for i, frame in enumerate(picture.frames):
                            shares = len(picture.frames)
                            picture.frames[i] = stylizer(
                                frame, progress=lambda done, i=i, n=shares: bar.update(number + (i + done) / n - bar.n)
                            )
                            del frame  # of a large picture there is no memory for two
                        writing.append((job, writer.submit(self._write, picture, job.target, held)))
                        del picture
                    while writing and (len(writing) > _AHEAD or writing[0][1].done()):
                        self._finish(*writing.popleft())
                    bar.update(number + 1 - bar.n)
            finally:
                # Also after Ctrl-C: what is being written is written whole, and a reader that waits for a
                # large picture to leave is let go.
                reader.shutdown(wait=False, cancel_futures=True)
                try:
                    while writing:
                        self._finish(*writing.popleft())
                finally:
                    self._large.release()

    def _read_ahead(
        self, reader: ThreadPoolExecutor, jobs: Sequence[ImageJob]
    ) -> Iterator[tuple[ImageJob, Future[tuple[bool, Picture]]]]:
        queue: deque[tuple[ImageJob, Future[tuple[bool, Picture]]]] = deque()
        for job in jobs:
            queue.append((job, reader.submit(self._read, job)))
            if len(queue) > _AHEAD:
                yield queue.popleft()
        yield from queue

    def _read(self, job: ImageJob) -> tuple[bool, Picture]:
        limit = round(self.args.max_megapixels * 1e6)
        held = _is_large(job) and self._large.acquire()
        try:
            picture = read_image(job.source, max_pixels=limit)
            if self.args.image_size:
                picture = resize_long_side(picture, self.args.image_size)
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

    def _finish(self, job: ImageJob, written: Future[None]) -> None:
        try:
            written.result()
        except OutputError:
            raise  # the disk is full, say: it would be the same for every photo that follows
        except StyleTransferError as error:
            self._fail(error)
        else:
            self.written += 1
            if len(self.args.inputs) == self.total:
                print(job.target)

    def _fail(self, error: StyleTransferError) -> None:
        if self.total == 1:
            raise error
        self.failed += 1
        say(f"error: {error}")

    def summarise(self, skipped: int, jobs: Sequence[ImageJob]) -> None:
        if skipped == len(jobs) == 1:
            say(f"'{jobs[0].target}' exists already; --overwrite replaces it")
        elif len(jobs) > 1:
            seconds = time.perf_counter() - self._start
            rate = f" ({self.written / seconds:.1f} a second)" if self.written else ""
            counts = f"{self.written} stylized, {skipped} skipped because they exist, {self.failed} failed"
            say(f"{counts}, in {duration(seconds)}{rate}")
            if len(self.args.inputs) != self.total and self.args.output:
                print(self.args.output)


def _is_large(job: ImageJob) -> bool:
    """By the file's header; what cannot be opened is for the reader to complain of."""
    try:
        with Image.open(job.source) as image:
            return image.width * image.height > _LARGE_PIXELS
    except Exception:
        return False
