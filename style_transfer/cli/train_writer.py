"""What a training run says and writes as it goes on: progress, previews, checkpoints, the model."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from style_transfer import __version__
from style_transfer.cli.common import duration, say
from style_transfer.cli.train import SETTINGS
from style_transfer.cli.train_model import joined, model_now
from style_transfer.errors import OutputError
from style_transfer.files import are_same, beside, output_errors
from style_transfer.lock import sole_writer
from style_transfer.losses.perceptual import CONTENT_LAYERS, SCALES, STYLE_LAYERS
from style_transfer.media.pixels import Pixels
from style_transfer.networks.model_file import exact_dtype, save_model
from style_transfer.networks.style_model import StyleModel
from style_transfer.runtime.quantize import measure_ranges
from style_transfer.training.checkpoint import checkpoint_path, save_checkpoint
from style_transfer.training.dataset import range_photos
from style_transfer.training.history import write_curve, write_losses
from style_transfer.training.preview import write_preview
from style_transfer.training.trainer import Progress, Trainer

_FIRST_LOOK = 4.0  # seconds of training until the first preview; then whenever the time has doubled
_SAVED_FOR = 300.0  # seconds of training after which all is saved again, however few steps they held
_FEW_PHOTOS = 100
_TURN = 60.0  # seconds that another run may take to write the model that a style joins


def run_name(args: argparse.Namespace, output: Path) -> Path:
    """What checkpoint, preview and losses are named after: not as those of the model that a style joins."""
    names = "+".join(path.stem for path in args.style_image)
    return output.with_name(f"{output.stem}+{names}.safetensors") if args.add_to else output


def preview_path(model: Path) -> Path:
    """``wave.safetensors`` → ``wave.preview.png``."""
    return beside(model, ".preview.png")


class Writer:
    """What the first process says and writes as the run goes on."""

    def __init__(
        self,
        args: argparse.Namespace,
        trainer: Trainer,
        output: Path,
        photos: list[Pixels],
        base: StyleModel | None,
        log: Callable[[Progress], None] | None,
    ) -> None:
        self.args, self.trainer, self.output, self.base = args, trainer, output, base
        self.name = run_name(args, output)
        self.preview_photos = photos
        self.bar: Any = None
        self.next_look = _FIRST_LOOK
        self.saved_at = 0.0  # seconds of training
        self.log = log

    def announce(self) -> None:
        trainer, config = self.trainer, self.trainer.config
        names = ", ".join(trainer.model.style_names)
        start = trainer.model.training["init"]
        network = f"{trainer.model.network.plan.name} network" + (f", begun from {start}" if start else "")
        say(
            f"{network}, {len(trainer.model.styles)} style(s): {names}; "
            f"{len(trainer.photos)} photos; {trainer.device}, {str(trainer.precision).removeprefix('torch.')}"
        )
        if len(trainer.photos) < _FEW_PHOTOS:
            say("few photos; with a thousand or more a style suits whatever is painted in it")
        each = trainer.seconds_per_step()
        left = (config.steps - trainer.step) * each if config.steps else float("inf")
        if config.minutes:
            left = min(left, 60 * config.minutes - trainer.seconds)
        so_far = f"from step {trainer.step}, " if trainer.step else ""
        if trainer.batch_size < config.batch_size:
            say(f"out of memory: the batch size is now {trainer.batch_size}")
        say(f"{so_far}{each:.2g} s a step: about {duration(max(0.0, left))}; Ctrl-C keeps what there is")
        self.saved_at = trainer.seconds
        self.bar = tqdm(total=1.0, initial=config.progress(trainer.step, trainer.seconds), disable=None,
                        bar_format="{percentage:3.0f}% |{bar}| {desc}")  # fmt: skip

    def forget_earlier_run(self) -> None:
        """Its checkpoint, of the same name: stopped before it saves, this run must not be resumed as that."""
        path = checkpoint_path(self.name)
        with output_errors(path):
            path.unlink(missing_ok=True)

    def on_progress(self, progress: Progress) -> None:
        if progress.notice:
            say(progress.notice)
            return
        if self.log:
            try:
                self.log(progress)
            except OutputError as error:
                say(f"{error}; training goes on without TensorBoard's log")
                self.log = None
        losses = " ".join(f"{name} {value:.3g}" for name, value in progress.losses.items())
        self.bar.n = progress.done
        self.bar.set_description_str(
            f"step {progress.step}, {losses}, {duration(progress.seconds_left)} left"
        )
        args = self.args
        if self.bar.disable and progress.step % 50 == 0:
            say(f"step {progress.step}: {losses}, {duration(progress.seconds_left)} left")
        early = self.trainer.seconds >= self.next_look
        if args.preview_every and (early or progress.step % args.preview_every == 0):
            self.next_look = 2 * self.trainer.seconds
            self.preview()
        long_ago = self.trainer.seconds >= self.saved_at + _SAVED_FOR
        if args.save_every and (long_ago or progress.step % args.save_every == 0):
            self.save()

    def preview(self) -> None:
        with _said_alone(), self.trainer.average.applied():
            write_preview(self.trainer.model, self.preview_photos, preview_path(self.name))

    def save(self) -> None:
        """What a resumed run needs, and the model; of a model that is joined only :meth:`finish` writes."""
        trainer = self.trainer
        self.saved_at = trainer.seconds
        trainer.model.training = self._provenance()
        if self.base is None:
            with trainer.average.applied():
                save_model(trainer.model, self.output)
        save_checkpoint(trainer.state(), checkpoint_path(self.name))
        with _said_alone():
            write_losses(trainer.history, beside(self.name, ".losses.csv"))

    def finish(self, complete: bool, asked: Callable[[], bool]) -> bool:
        """All that is left to write; True if nothing of a ``complete`` run was left out as ``asked``."""
        trainer = self.trainer
        self.save()
        with trainer.average.applied():
            self._write_result(complete, asked)
        if self.args.preview_every:
            self.preview()
        with _said_alone():
            write_curve(trainer.history, beside(self.name, ".losses.png"))
        if trainer.skipped:
            bad = trainer.skipped
            say(f"skipped {len(bad)} photo(s) that cannot be read, such as '{min(bad)}'")
        done = "trained" if complete else "stopped after"
        say(f"{done} {trainer.step} steps in {duration(trainer.seconds)}")
        unprepared = trainer.model.ranges is None and self.base is None
        if unprepared:
            say(f"not prepared for int8: 'style-transfer quantize {self.output} --dataset PHOTOS' does that")
        print(self.output)
        return complete and not unprepared

    def _write_result(self, complete: bool, asked: Callable[[], bool]) -> None:
        model = self.trainer.model
        kept = self.base.ranges if self.base else None

        def heed(_share: float) -> None:
            if asked() and not kept:
                raise _Stopped

        # Who stops a run does not want to wait; but the styles that are there keep theirs.
        if kept or (complete and self.base is None and not asked()):
            say("measuring what int8 needs; minutes for many styles")
            photos = range_photos(self.trainer.photos)
            with suppress(_Stopped):
                units = kept.units if kept else None
                model.ranges = measure_ranges(model, photos, units=units, progress=heed)
        if self.base is None and model.ranges is not None:
            save_model(model, self.output)
        elif self.base is not None:
            with sole_writer(self.output, wait=_TURN):
                self._join(self.base)

    def _join(self, base: StyleModel) -> None:
        """Write ``base`` with the new styles; what has joined the file since it was read stays in it."""
        itself = are_same(self.output, Path(self.args.add_to))
        if itself or (self.output.exists() and not self.args.overwrite):
            base = model_now(self.output, base)
        whole = joined(base, self.trainer.model, again=self.args.resume)
        save_model(whole, self.output, dtype=exact_dtype(base))  # what joins must change no other style

    def _provenance(self) -> dict[str, Any]:
        config, known = self.trainer.config, self.trainer.model.training
        return {
            "steps": self.trainer.step,
            "steps_before": known["steps_before"],
            "minutes": round(self.trainer.seconds / 60, 1),
            "photos": len(self.trainer.photos),
            "init": known["init"],
            "styles_only": config.styles_only,
            **{name: getattr(config, name) for name in SETTINGS},
            "content_layers": list(CONTENT_LAYERS),
            "style_layers": list(STYLE_LAYERS),
            "scales": list(SCALES),
            "device": str(self.trainer.device),
            "code": f"style-transfer {__version__}",
        }


class _Stopped(Exception):  # noqa: N818 - control flow, not an error
    """The user would rather have the model as it is than wait."""


@contextmanager
def _said_alone() -> Iterator[None]:
    """What can be done without, such as a preview that a viewer holds open, ends no training."""
    try:
        yield
    except OutputError as error:
        say(str(error))
