"""Stylizing a video: sound and every timestamp kept, Ctrl-C leaving what there is playable."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from fractions import Fraction

from tqdm import tqdm

from style_transfer.cli.common import say
from style_transfer.errors import UserError
from style_transfer.media.collect import Job
from style_transfer.media.pixels import Pixels
from style_transfer.media.video.convert import (
    Progress,
    Summary,
    VideoOptions,
    convert,
    each,
    parse_time,
    partial_path,
)
from style_transfer.runtime.threads import thread_budget


def video_options(args: argparse.Namespace) -> VideoOptions:
    """Raises ``UserError`` for what cannot be meant."""
    return VideoOptions(
        start=None if args.start is None else parse_time(args.start),
        end=None if args.end is None else parse_time(args.end),
        preview=None if args.preview is None else _number("--preview", args.preview),
        fps=None if args.fps is None else _number("--fps", args.fps),
        image_size=args.image_size,
        side_by_side=args.side_by_side,
        codec=args.codec,
        crf=args.crf,
        preset=args.preset,
        no_audio=args.no_audio,
        threads=thread_budget(),
    )


def _number(flag: str, text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise UserError(f"{flag} takes a number such as 30 or 30000/1001, not '{text}'") from None


def stylize_video(
    job: Job, paint: Callable[[Pixels], Pixels], options: VideoOptions, should_stop: Callable[[], bool]
) -> Summary:
    """Paint one video with a progress bar; what is worth knowing of it goes to stderr."""
    job.target.parent.mkdir(parents=True, exist_ok=True)
    bar = tqdm(unit="frame", disable=None, desc=job.source.name, dynamic_ncols=True)

    def report(progress: Progress) -> None:
        bar.total = progress.total
        bar.update(progress.frames - bar.n)

    with bar:
        try:
            summary = convert(
                job.source, job.target, each(paint), options, progress=report, should_stop=should_stop
            )
        except BaseException:
            if (partial := partial_path(job.target)).exists():
                say(f"what was painted so far is in '{partial}'")
            raise
    for notice in summary.notices:
        say(notice)
    if not summary.complete and summary.path:
        say(f"what was painted so far is in '{summary.path}'")
    return summary
