"""What ``stylize`` does: the files sorted out, the model loaded once, photos and videos painted."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from style_transfer.cli.common import (
    INTERRUPTED,
    check_least,
    check_strength,
    heed_interrupt,
    say,
    stop_signals,
    stylizer_of,
)
from style_transfer.cli.outcome import Outcome
from style_transfer.cli.photo_batch import PhotoBatch
from style_transfer.cli.stylize import IMAGE_DEFAULTS, VIDEO_DEFAULTS
from style_transfer.cli.timeline import StyleTimes, parse_styles
from style_transfer.errors import StyleTransferError, UserError
from style_transfer.files import exists
from style_transfer.media.collect import Job, collect_jobs, sequence_job
from style_transfer.media.image_writer import WRITABLE_FORMATS
from style_transfer.networks.catalogue import DEFAULT_MODEL, list_models, open_model
from style_transfer.runtime.stylizer import Stylizer

if TYPE_CHECKING:
    from style_transfer.cli.video_job import VideoJobs


def run(args: argparse.Namespace) -> int:
    """Stylize as asked; 0 when every file came out whole, 1 when some did not, 130 when stopped."""
    if args.list_models:
        return _list_models()
    _check(args)
    model = open_model(args.model or DEFAULT_MODEL)
    if args.list_styles:
        print(*model.styles, sep="\n")
        return 0
    styles = parse_styles(model.style_names[0] if args.style is None else args.style)
    for mix in styles.mixes:
        model.weights(mix)
    sources = [Path(name) for name in args.inputs]
    suffix, extension = styles.suffix, _extension(args.format)
    sequence = sequence_job(sources, args.output, suffix=suffix, extension=extension)
    jobs = (
        [sequence]
        if sequence
        else collect_jobs(
            sources, args.output, suffix=suffix, extension=extension, preview=args.preview is not None
        )
    )
    if styles.changes and (photo := next((job for job in jobs if not job.is_video), None)):
        raise UserError(f"styles that change over time are for videos, and '{photo.source}' is a photo")
    _say_what_is_for_others(args, jobs)
    todo = jobs if args.overwrite else [job for job in jobs if not exists(job.target)]
    if args.resume:
        _forget(jobs, todo)
    if not todo and len(jobs) == 1:
        say(f"'{jobs[0].target}' exists already; --overwrite replaces it")
    outcome = Outcome(
        len(jobs),
        name_each=not any(Path(name).is_dir() for name in args.inputs),
        skipped=len(jobs) - len(todo),
    )
    stopped = False
    if todo:
        stylizer = stylizer_of(
            args, model, style=styles.mixes[0], strength=args.strength, preserve_color=args.preserve_color
        )
        heed_interrupt()
        films = [job for job in todo if job.is_video]
        videos = _video_jobs(args, stylizer, styles, films) if films else None  # what is wrong is said first
        if photos := [job for job in todo if not job.is_video]:
            PhotoBatch(args, outcome).run(stylizer, photos)
        if videos:
            stopped = _paint_videos(args, videos, films, outcome)
    outcome.summarise()
    return INTERRUPTED if stopped else 1 if outcome.failed or outcome.damaged else 0


def _video_jobs(
    args: argparse.Namespace, stylizer: Stylizer, styles: StyleTimes, jobs: Sequence[Job]
) -> VideoJobs:
    from style_transfer.cli.video_job import VideoJobs  # PyAV, for videos only

    videos = VideoJobs(args, stylizer, styles)
    videos.check(jobs)
    return videos


def _paint_videos(args: argparse.Namespace, videos: VideoJobs, jobs: Sequence[Job], outcome: Outcome) -> bool:
    """True if stopped by a signal."""
    with stop_signals("this frame") as asked:
        for job in jobs:
            if asked():
                return True
            if exists(job.target) and not args.overwrite:  # made in the meantime, by another run
                say(f"'{job.target}' exists by now; --overwrite replaces it")
                outcome.skipped += 1
                continue
            try:
                summary = videos.stylize(job, asked)
            except StyleTransferError as error:
                outcome.fail(error)
                continue
            except Exception as error:
                outcome.fail_unforeseen(error, job.source, "this video cannot be painted ({reason})")
                continue
            if not summary.complete:
                return True
            outcome.done(job.target)
            outcome.damaged += summary.truncated
    return False


def _say_what_is_for_others(args: argparse.Namespace, jobs: Sequence[Job]) -> None:
    """Not refused: a folder may have videos today and none tomorrow."""
    videos = [job.is_video for job in jobs]
    images = [not job.is_video or job.is_sequence for job in jobs]
    for what, defaults, there in (("videos", VIDEO_DEFAULTS, videos), ("images", IMAGE_DEFAULTS, images)):
        given = [name for name, default in defaults.items() if getattr(args, name) != default]
        if given and not any(there):
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            say(f"{flags}: for {what}, and there is none here")


def _forget(jobs: Sequence[Job], todo: Sequence[Job]) -> None:
    """Remove what a run that was killed in its last moment left beside a result that is whole."""
    from style_transfer.media.video.resume import forget

    for job in jobs:
        if job.is_video and job not in todo:
            forget(job.target)


def _list_models() -> int:
    for name in list_models():
        model = open_model(name)
        styles = ", ".join(model.style_names)
        print(f"{name}: {model.network.plan.name} network, {len(model.styles)} styles: {styles}")
    return 0


def _check(args: argparse.Namespace) -> None:
    check_least(args, image_size=1, paint_size=16)
    if args.style is not None and not args.style.strip():
        raise UserError("--style is empty; --list-styles shows what there is")
    check_strength(args)
    if args.output == "-":
        raise UserError("-o - is no file: results do not go through a pipe; give it a name")
    if not 1 <= args.quality <= 100:
        raise UserError(f"--quality must be from 1 to 100, not {args.quality}")
    if not 0 < args.max_megapixels < math.inf:
        raise UserError(f"--max-megapixels must be a number above 0, not {args.max_megapixels:g}")


def _extension(name: str | None) -> str | None:
    if name is None:
        return None
    wanted = {"jpeg": "jpg", "tif": "tiff"}.get(name.lower(), name.lower())
    if wanted not in WRITABLE_FORMATS:
        raise UserError(f"unknown format '{name}'; choose one of {', '.join(WRITABLE_FORMATS)}")
    return f".{wanted}"
