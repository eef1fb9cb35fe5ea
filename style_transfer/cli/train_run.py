"""A training run from files to files: everything that ``train`` reads, says and writes."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from style_transfer import __version__
from style_transfer.cli.common import INTERRUPTED, duration, say, stop_signals
from style_transfer.cli.train import KEPT, STROKES
from style_transfer.cli.train_model import (
    joined,
    model_now,
    model_to_join,
    model_to_train,
    named_styles,
)
from style_transfer.errors import OutputError, TrainingError, UserError
from style_transfer.files import are_same, check_writable
from style_transfer.lock import sole_writer
from style_transfer.losses.perceptual import CONTENT_LAYERS, SCALES, STYLE_LAYERS, PerceptualLoss
from style_transfer.losses.vgg import VGG19Features
from style_transfer.networks.model_file import exact_dtype, save_model
from style_transfer.networks.style_model import StyleModel
from style_transfer.runtime.device import Device, choose_device, choose_precision
from style_transfer.runtime.quantize import measure_ranges
from style_transfer.runtime.threads import set_threads
from style_transfer.training.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from style_transfer.training.config import TrainingConfig
from style_transfer.training.dataset import find_photos, load_style_image, range_photos
from style_transfer.training.distributed import Peers, first_process, local_device
from style_transfer.training.history import log_to_tensorboard, write_curve, write_losses
from style_transfer.training.preview import preview_photos, write_preview
from style_transfer.training.trainer import Progress, Trainer

_MINUTES_ON_A_CPU = 30.0
_STEPS_ON_A_GPU = 4000
_QUICK_MINUTES_ON_A_CPU = 5.0
_QUICK_MINUTES_ON_A_GPU = 0.4
_FIRST_LOOK = 4.0  # seconds of training until the first preview; then whenever the time has doubled
_PREVIEW = "preview.png"
_TURN = 60.0  # seconds that another run may take to write the model that a style joins
_QUICK_LR = 1e-2  # some thousand numbers a style stand larger steps than a whole network


def run(args: argparse.Namespace) -> int:
    """Train as asked; 0 when complete, 130 when stopped early with a usable model."""
    output = _check_output(args)
    alone = sole_writer(_beside(args, output)) if first_process() else nullcontext()
    with alone:
        return _train(args, output)


def _train(args: argparse.Namespace, output: Path) -> int:
    base = model_to_join(args, named_styles(args)) if args.add_to else None
    beside = _beside(args, output)
    checkpoint = load_checkpoint(checkpoint_path(beside)) if args.resume else None
    device = choose_device(local_device(args.device)).for_torch()
    peers = Peers.join(device)
    if peers.size == 1:  # torchrun shares the cores out among its processes
        set_threads()
    try:
        log = log_to_tensorboard(args.tensorboard) if args.tensorboard and peers.rank == 0 else None
        trainer, held_out = _prepare(args, device, peers)
        writer = _Writer(args, trainer, output, held_out, base, log) if peers.rank == 0 else None
        if checkpoint:
            trainer.load_state(checkpoint)
        if writer:
            writer.announce()
        with stop_signals() as asked:
            try:
                complete = trainer.run(writer.on_progress if writer else lambda _: None, asked)
            except Exception as error:  # photos that are gone, say: what is learnt stays
                learnt = trainer.step or isinstance(error, TrainingError)
                if writer and learnt and not isinstance(error, OutputError):
                    writer.save()
                if not asked():  # else what failed, such as a reader of photos, was stopped with the run
                    raise
                complete = False
            finally:
                if writer:
                    writer.bar.close()
            if writer:
                writer.finish(complete)
        return 0 if complete else INTERRUPTED
    finally:
        peers.leave()


def _check_output(args: argparse.Namespace) -> Path:
    if args.output is None and not args.add_to:
        raise UserError("give --output, the model to write")
    if args.output is None and not Path(args.add_to).is_file():
        raise UserError(f"--add-to '{args.add_to}' is no file; give --output, the model to write")
    output: Path = args.output or Path(args.add_to)
    if output.suffix != ".safetensors":
        raise UserError(f"--output '{output}' must end in .safetensors")
    itself = args.add_to and are_same(output, Path(args.add_to))
    if output.exists() and not (args.overwrite or args.resume or itself):
        raise UserError(f"'{output}' exists; give another --output, --resume to go on, or --overwrite")
    if output.is_dir():
        raise UserError(f"'{output}' is a folder; give --output the name of a file")
    preview = _named(_beside(args, output), _PREVIEW)
    if any(are_same(preview, path) for path in args.style_image):
        raise UserError(f"the preview would overwrite the input '{preview}'; give another --output")
    check_writable(output)
    return output


def _prepare(args: argparse.Namespace, device: torch.device, peers: Peers) -> tuple[Trainer, list[Path]]:
    config = _config(args, device)
    photos, held_out = find_photos(args.dataset)
    torch.manual_seed(config.seed % 2**63)
    model = model_to_train(args, named_styles(args))
    paintings = [load_style_image(path, config.style_size).to(device) for path in args.style_image]
    vgg = VGG19Features([*STYLE_LAYERS, *CONTENT_LAYERS], args.vgg_weights).to(device)
    loss = PerceptualLoss(vgg, paintings)
    precision: torch.dtype = getattr(torch, choose_precision(args.precision, Device.of(device)))
    return Trainer(model, loss, photos, config, device=device, precision=precision, peers=peers), held_out


def _config(args: argparse.Namespace, device: torch.device) -> TrainingConfig:
    quick = args.quick or bool(args.add_to)
    steps, minutes = args.steps, args.minutes
    if steps is None and minutes is None:
        if quick:
            minutes = _QUICK_MINUTES_ON_A_CPU if device.type == "cpu" else _QUICK_MINUTES_ON_A_GPU
        elif device.type == "cpu":
            minutes = _MINUTES_ON_A_CPU
        else:
            steps = _STEPS_ON_A_GPU
    scale = STROKES[args.stroke or "medium"] if args.style_scale is None else args.style_scale
    for name in ("preview_every", "save_every"):
        if getattr(args, name) < 0:
            raise UserError(f"--{name.replace('_', '-')} must be 0 or more, not {getattr(args, name)}")
    if not 0 < scale <= 8:
        raise UserError(f"--style-scale must be above 0 and at most 8, not {scale:g}")
    weights = ("content_weight", "tone_weight", "tv_weight", "temporal_weight")
    return TrainingConfig(
        steps=steps,
        minutes=minutes,
        style_size=round(512 * scale) if args.style_size is None else args.style_size,
        style_weight=KEPT[args.keep_content or "medium"] if args.style_weight is None else args.style_weight,
        lr=args.lr if args.lr is not None else (_QUICK_LR if quick else TrainingConfig.lr),
        mix_share=args.mix_share
        if args.mix_share is not None
        else (0.0 if quick else TrainingConfig.mix_share),
        styles_only=quick,
        **{name: getattr(args, name) for name in ("batch_size", "image_size", "seed", *weights)},
    )


def _beside(args: argparse.Namespace, output: Path) -> Path:
    """What checkpoint, preview and losses are named after: not as those of the model that a style joins."""
    names = "+".join(path.stem for path in args.style_image)
    return output.with_name(f"{output.stem}+{names}.safetensors") if args.add_to else output


def _named(beside: Path, ending: str) -> Path:
    return beside.with_name(f"{beside.stem}.{ending}")


class _Writer:
    """What the first process says and writes as the run goes on."""

    def __init__(
        self,
        args: argparse.Namespace,
        trainer: Trainer,
        output: Path,
        held_out: list[Path],
        base: StyleModel | None,
        log: Callable[[Progress], None] | None,
    ) -> None:
        self.args, self.trainer, self.output, self.base = args, trainer, output, base
        self.beside = _beside(args, output)
        self.preview_photos = preview_photos(held_out)
        self.bar: Any = None
        self.next_look = _FIRST_LOOK
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
        each = trainer.seconds_per_step()
        left = (config.steps - trainer.step) * each if config.steps else float("inf")
        if config.minutes:
            left = min(left, 60 * config.minutes - trainer.seconds)
        so_far = f"from step {trainer.step}, " if trainer.step else ""
        if trainer.batch_size < config.batch_size:
            say(f"out of memory: the batch size is now {trainer.batch_size}")
        say(f"{so_far}{each:.2g} s a step: about {duration(max(0.0, left))}; Ctrl-C keeps what there is")
        self.bar = tqdm(total=1.0, initial=config.progress(trainer.step, trainer.seconds), disable=None,
                        bar_format="{percentage:3.0f}% |{bar}| {desc}")  # fmt: skip

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
        if args.save_every and progress.step % args.save_every == 0:
            self.save()

    def preview(self) -> None:
        with _said_alone():
            write_preview(self.trainer.model, self.preview_photos, _named(self.beside, _PREVIEW))

    def save(self) -> None:
        """What a resumed run needs, and the model; of a model that is joined only :meth:`finish` writes."""
        trainer = self.trainer
        trainer.model.training = self._provenance()
        if self.base is None:
            save_model(trainer.model, self.output)
        save_checkpoint(trainer.state(), checkpoint_path(self.beside))
        with _said_alone():
            write_losses(trainer.history, _named(self.beside, "losses.csv"))

    def finish(self, complete: bool) -> None:
        trainer = self.trainer
        self.save()
        kept = self.base.ranges if self.base else None
        # Who stops a run does not want to wait; but the styles that are there keep theirs.
        if kept or (complete and self.base is None):
            say("measuring what int8 needs; minutes for many styles")
            photos = range_photos(trainer.photos)
            trainer.model.ranges = measure_ranges(trainer.model, photos, units=kept.units if kept else None)
        if self.base is None and complete:
            save_model(trainer.model, self.output)
        elif self.base is not None:
            with sole_writer(self.output, wait=_TURN):
                self._join(self.base)
        if self.args.preview_every:
            self.preview()
        with _said_alone():
            write_curve(trainer.history, _named(self.beside, "losses.png"))
        if trainer.skipped:
            bad = trainer.skipped
            say(f"skipped {len(bad)} photo(s) that cannot be read, such as '{min(bad)}'")
        done = "trained" if complete else "stopped after"
        say(f"{done} {trainer.step} steps in {duration(trainer.seconds)}")
        print(self.output)

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
            "batch_size": config.batch_size,
            "image_size": config.image_size,
            "style_size": config.style_size,
            "lr": config.lr,
            "content_weight": config.content_weight,
            "style_weight": config.style_weight,
            "tone_weight": config.tone_weight,
            "tv_weight": config.tv_weight,
            "temporal_weight": config.temporal_weight,
            "mix_share": config.mix_share,
            "seed": config.seed,
            "content_layers": list(CONTENT_LAYERS),
            "style_layers": list(STYLE_LAYERS),
            "scales": list(SCALES),
            "device": str(self.trainer.device),
            "code": f"style-transfer {__version__}",
        }


@contextmanager
def _said_alone() -> Iterator[None]:
    """What can be done without, such as a preview that a viewer holds open, ends no training."""
    try:
        yield
    except OutputError as error:
        say(str(error))
