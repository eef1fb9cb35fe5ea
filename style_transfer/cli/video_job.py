"""Stylizing a video: sound and every timestamp kept, Ctrl-C leaving what there is playable."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from numpy.typing import NDArray
from tqdm import tqdm

from style_transfer.cli.common import say
from style_transfer.cli.timeline import StyleTimes
from style_transfer.errors import InputFileError, UserError
from style_transfer.files import exists
from style_transfer.media.collect import Job
from style_transfer.media.patterns import is_pattern
from style_transfer.media.pixels import Pixels
from style_transfer.media.sequence import convert_sequence
from style_transfer.media.video.convert import check, convert
from style_transfer.media.video.frame import Frame
from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.rate import parse_time
from style_transfer.media.video.resume import convert_resumably, parts_path
from style_transfer.media.video.run import Progress, Summary
from style_transfer.media.video.writer import partial_path
from style_transfer.networks.exported_file import OnnxModel
from style_transfer.runtime.film import Film, Timeline
from style_transfer.runtime.stylizer import Stylizer
from style_transfer.runtime.threads import thread_budget


class VideoJobs:
    """The videos and sequences of a run. Raises ``UserError`` for what cannot be meant."""

    def __init__(self, args: argparse.Namespace, stylizer: Stylizer, styles: StyleTimes) -> None:
        self._args, self._stylizer, self._styles = args, stylizer, styles
        self._options = _options(args)
        transition = _number("--transition", args.transition)
        if transition < 0:
            raise UserError(f"--transition must be 0 or more, not {args.transition}")
        looks = [
            stylizer.make_look(mix, strength=args.strength, preserve_color=args.preserve_color)
            for mix in styles.mixes
        ]
        self._timeline = Timeline(looks, styles.times, transition)
        self._film()  # says what is wrong before the first video
        if isinstance(model := stylizer.model, OnnxModel) and model.frozen != (args.statistics == "frozen"):
            kept = "holds its own statistics" if model.frozen else "takes each picture's own statistics"
            say(f"'{model.path}' {kept}, whatever --statistics says; export it with the other")

    def check(self, jobs: Sequence[Job]) -> None:
        """Raise the first one's ``UserError`` where none can be as asked; else each says its own in time."""
        errors = []
        for job in (job for job in jobs if not job.is_sequence):
            try:
                check(job.source, job.target, self._options)
            except UserError as error:
                errors.append(error)
        if errors and len(errors) == len(jobs):
            raise errors[0]

    def stylize(self, job: Job, should_stop: Callable[[], bool]) -> Summary:
        """Paint one video with a progress bar; what is worth knowing of it goes to stderr."""
        painter = _Painter(self._film())
        bar = tqdm(unit="frame", disable=None, desc=job.source.name, dynamic_ncols=True)

        def report(progress: Progress) -> None:
            if not bar.n:  # of a run that goes on, only what is painted now counts for the rate
                bar.n = bar.initial = progress.frames - 1
            bar.total = progress.total
            bar.update(progress.frames - bar.n)

        with bar:
            try:
                summary = self._convert(job, painter, report, should_stop)
            except BaseException as error:
                # Where it is not to be done as asked, nothing was begun.
                if not isinstance(error, UserError) or isinstance(error, InputFileError):
                    _say_what_is_left(job, error)
                raise
        for notice in summary.notices:
            say(notice)
        if summary.complete and painter.seen is not None:
            for time in (float(time) for time in self._timeline.times if time > painter.seen):
                say(f"the style at {time:g} s did not come: the last frame is at {float(painter.seen):.1f} s")
        if not summary.complete and summary.path:
            say(f"what was painted so far is in '{summary.path}'{self._hint(job)}")
        return summary

    def _convert(
        self,
        job: Job,
        painter: _Painter,
        progress: Callable[[Progress], None],
        should_stop: Callable[[], bool],
    ) -> Summary:
        args = self._args
        source, target, options = job.source, job.target, self._options
        painter.warms_up = job.is_sequence or args.resume  # so that going on paints as going on would have
        if job.is_sequence:
            if args.resume and not is_pattern(target):
                raise UserError("--resume goes on with a video; an image sequence into a video begins anew")
            return convert_sequence(
                source,
                target,
                painter,
                options,
                overwrite=args.overwrite,
                quality=args.quality,
                progress=progress,
                should_stop=should_stop,
            )
        if args.resume:
            settings = self._settings()
            return convert_resumably(
                source, target, painter, options, settings, progress=progress, should_stop=should_stop
            )
        return convert(
            source,
            target,
            lambda frames: map(painter, frames),
            options,
            progress=progress,
            should_stop=should_stop,
        )

    def _film(self) -> Film:
        return Film(
            self._stylizer,
            self._timeline,
            steady=self._args.statistics == "frozen",
            stabilize=self._args.stabilize,
            paint_size=self._args.paint_size,
        )

    def _settings(self) -> dict[str, str]:
        """All that makes up a painting, for telling whether a run can be resumed."""
        args, model = self._args, self._stylizer.model
        digest, looks = hashlib.sha256(), hashlib.sha256()
        if (path := getattr(model, "path", None)) is not None:  # of an exported file, which holds the weights
            digest.update(path.read_bytes())
        else:
            for weight in model.network.weights.values():
                digest.update(weight.tobytes())
        for look in self._timeline.looks:
            for part in look.parameters:
                looks.update(part.tobytes())
        given = ("strength", "preserve_color", "paint_size", "statistics", "stabilize", "transition",
                 "precision", "engine")  # fmt: skip
        return {
            "--style": args.style or next(iter(self._styles.mixes[0])),
            **{f"--{name.replace('_', '-')}": str(getattr(args, name)) for name in given},
            "--model": f"{args.model or 'the default'} ({digest.hexdigest()[:8]})",
            "what the styles hold": looks.hexdigest()[:8],
        }

    def _hint(self, job: Job) -> str:
        goes_on = is_pattern(job.target) if job.is_sequence else self._args.resume
        return "; the same command goes on" if goes_on else ""


class _Painter:
    """A film for the media functions: frames with times instead of pixels."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self.warms_up = False
        self.seen: Fraction | None = None  #: when the last frame is shown, of the input's time

    def __call__(self, frame: Frame) -> Frame:
        if self.warms_up:
            self._film.warm_up(*frame.pixels.shape[:2])
            self.warms_up = False
        self.seen = frame.input_time
        return replace(frame, pixels=self._film(frame.pixels, frame.input_time))

    def skip(self, frame: Frame, painted: Pixels) -> None:
        self._film.skip(frame.pixels, frame.input_time, painted)

    def state(self) -> Mapping[str, NDArray[Any]]:
        return self._film.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        self._film.restore(state)


def _options(args: argparse.Namespace) -> VideoOptions:
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


def _say_what_is_left(job: Job, error: BaseException) -> None:
    for left in (partial_path(job.target), parts_path(job.target)):
        if exists(left) and str(left) not in str(error):
            say(f"what was painted so far is in '{left}'")
