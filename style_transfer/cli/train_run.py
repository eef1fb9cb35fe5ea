"""A training run from files to files: everything that ``train`` reads, says and writes."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from style_transfer import __version__
from style_transfer.cli.common import INTERRUPTED, duration, say, stop_signals
from style_transfer.errors import InputFileError, TrainingError, UserError
from style_transfer.files import output_errors
from style_transfer.losses.perceptual import CONTENT_LAYERS, SCALES, STYLE_LAYERS, PerceptualLoss
from style_transfer.losses.vgg import VGG19Features
from style_transfer.networks.base import StyleParameters
from style_transfer.networks.catalogue import load_model
from style_transfer.networks.model_file import save_model
from style_transfer.networks.style_model import Style, StyleBank, StyleModel, check_style_names
from style_transfer.runtime.device import choose_device, choose_precision
from style_transfer.training.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from style_transfer.training.config import TrainingConfig
from style_transfer.training.dataset import find_photos, load_style_image
from style_transfer.training.distributed import Peers, local_device
from style_transfer.training.history import log_to_tensorboard, write_curve, write_losses
from style_transfer.training.preview import preview_photos, write_preview
from style_transfer.training.trainer import Progress, Trainer

_MINUTES_ON_A_CPU = 30.0
_STEPS_ON_A_GPU = 4000


def run(args: argparse.Namespace) -> int:
    """Train as asked; 0 when complete, 130 when stopped early with a usable model."""
    output = _check_output(args)
    checkpoint = load_checkpoint(checkpoint_path(output)) if args.resume else None
    device = choose_device(local_device(args.device))
    peers = Peers.join(device)
    try:
        trainer, held_out = _prepare(args, device, peers)
        writer = _Writer(args, trainer, output, held_out) if peers.rank == 0 else None
        if checkpoint:
            trainer.load_state(checkpoint)
        if writer:
            writer.announce()
        with stop_signals() as asked:
            try:
                complete = trainer.run(writer.on_progress if writer else lambda _: None, asked)
            except TrainingError:
                if writer:
                    writer.save()
                raise
            finally:
                if writer:
                    writer.bar.close()
            if writer:
                writer.finish(complete)
        return 0 if complete else INTERRUPTED
    finally:
        peers.leave()


def _check_output(args: argparse.Namespace) -> Path:
    output: Path = args.output
    if output.suffix != ".safetensors":
        raise UserError(f"--output '{output}' must end in .safetensors")
    if output.exists() and not (args.overwrite or args.resume):
        raise UserError(f"'{output}' exists; give another --output, --resume to go on, or --overwrite")
    if output.is_dir():
        raise UserError(f"'{output}' is a folder; give --output the name of a file")
    with output_errors(output):  # now, not when hours of training are to be saved
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    return output


def _prepare(args: argparse.Namespace, device: torch.device, peers: Peers) -> tuple[Trainer, list[Path]]:
    config = _config(args, device)
    photos, held_out = find_photos(args.dataset)
    torch.manual_seed(config.seed % 2**63)
    model = _model(args, _styles(args))
    vgg = VGG19Features([*STYLE_LAYERS, *CONTENT_LAYERS], args.vgg_weights).to(device)
    paintings = [load_style_image(path, config.style_size).to(device) for path in args.style_image]
    loss = PerceptualLoss(vgg, paintings)
    precision = choose_precision(args.precision, device)
    return Trainer(model, loss, photos, config, device=device, precision=precision, peers=peers), held_out


def _config(args: argparse.Namespace, device: torch.device) -> TrainingConfig:
    steps, minutes = args.steps, args.minutes
    if steps is None and minutes is None:
        steps, minutes = (None, _MINUTES_ON_A_CPU) if device.type == "cpu" else (_STEPS_ON_A_GPU, None)
    names = (
        "batch_size",
        "image_size",
        "style_size",
        "lr",
        "content_weight",
        "style_weight",
        "tv_weight",
        "seed",
    )
    return TrainingConfig(steps=steps, minutes=minutes, **{name: getattr(args, name) for name in names})


def _styles(args: argparse.Namespace) -> list[Style]:
    names = [path.stem for path in args.style_image]
    check_style_names(names)
    known: dict[str, Any] = {}
    if args.style_info:
        try:
            known = json.loads(args.style_info.read_text(encoding="utf-8"))
            about = [{key: str(value) for key, value in known.get(name, {}).items()} for name in names]
            return [Style(name, **facts) for name, facts in zip(names, about, strict=True)]
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise InputFileError(f"--style-info '{args.style_info}' cannot be used: {error}") from error
    return [Style(name) for name in names]


def _model(args: argparse.Namespace, styles: list[Style]) -> StyleModel:
    width = {"width": args.width} if args.width is not None else {}
    if not args.init:
        return StyleModel.create(args.network or "fast", styles, **width)
    model = load_model(args.init)
    asked = {"network": args.network, "width": args.width}
    given = {"network": model.network.name, **model.network.arguments}
    if any(value not in (None, given[name]) for name, value in asked.items()):
        raise UserError(
            f"--init '{args.init}' is a {given['network']} network of width {given['width']}; "
            "leave --network and --width to it"
        )
    # A style that the model knows goes on from where it is, a new one starts from the mean of all.
    known = model.bank.parameters_by_style
    rows = [model.style_names.index(s.name) if s.name in model.style_names else None for s in styles]
    start = StyleParameters(
        *(torch.stack([p[row] if row is not None else p.mean(0) for row in rows]).detach() for p in known)
    )
    # What the model tells of a style stays, unless --style-info tells something else.
    told = [
        model.styles[row] if row is not None and style == Style(style.name) else style
        for style, row in zip(styles, rows, strict=True)
    ]
    return StyleModel(model.network, StyleBank(start), told)


class _Writer:
    """What the first process says and writes as the run goes on."""

    def __init__(
        self, args: argparse.Namespace, trainer: Trainer, output: Path, held_out: list[Path]
    ) -> None:
        self.args, self.trainer, self.output = args, trainer, output
        self.preview_photos = preview_photos(held_out)
        self.bar: Any = None
        self.log: Callable[[Progress], None] = (
            log_to_tensorboard(args.tensorboard) if args.tensorboard else lambda _: None
        )

    def announce(self) -> None:
        trainer, config = self.trainer, self.trainer.config
        names = ", ".join(trainer.model.style_names)
        say(
            f"{trainer.model.network.name} network, {len(trainer.model.styles)} style(s): {names}; "
            f"{len(trainer.photos)} photos; {trainer.device}, {str(trainer.precision).removeprefix('torch.')}"
        )
        each = trainer.seconds_per_step()
        left = (config.steps - trainer.step) * each if config.steps else float("inf")
        if config.minutes:
            left = min(left, 60 * config.minutes - trainer.seconds)
        start = f"from step {trainer.step}, " if trainer.step else ""
        if trainer.batch_size < config.batch_size:
            say(f"out of memory: the batch size is now {trainer.batch_size}")
        say(f"{start}{each:.2g} s a step: about {duration(max(0.0, left))}; Ctrl-C keeps what there is")
        self.bar = tqdm(total=1.0, initial=config.progress(trainer.step, trainer.seconds), disable=None,
                        bar_format="{percentage:3.0f}% |{bar}| {desc}")  # fmt: skip

    def on_progress(self, progress: Progress) -> None:
        if progress.notice:
            say(progress.notice)
            return
        self.log(progress)
        losses = " ".join(f"{name} {value:.3g}" for name, value in progress.losses.items())
        self.bar.n = progress.done
        self.bar.set_description_str(
            f"step {progress.step}, {losses}, {duration(progress.seconds_left)} left"
        )
        args = self.args
        if self.bar.disable and progress.step % 50 == 0:
            say(f"step {progress.step}: {losses}, {duration(progress.seconds_left)} left")
        first_look = progress.step in (10, 30)
        if args.preview_every and (first_look or progress.step % args.preview_every == 0):
            self.preview()
        if args.save_every and progress.step % args.save_every == 0:
            self.save()

    def preview(self) -> None:
        write_preview(self.trainer.model, self.preview_photos, self._beside("preview.png"))

    def save(self) -> None:
        trainer = self.trainer
        trainer.model.training = self._provenance()
        save_model(trainer.model, self.output)
        save_checkpoint(trainer.state(), checkpoint_path(self.output))
        write_losses(trainer.history, self._beside("losses.csv"))

    def finish(self, complete: bool) -> None:
        self.save()
        if self.args.preview_every:
            self.preview()
        write_curve(self.trainer.history, self._beside("losses.png"))
        trainer = self.trainer
        if trainer.skipped:
            bad = trainer.skipped
            say(f"skipped {len(bad)} photo(s) that cannot be read, such as '{min(bad)}'")
        done = "trained" if complete else "stopped after"
        say(f"{done} {trainer.step} steps in {duration(trainer.seconds)}")
        print(self.output)

    def _beside(self, ending: str) -> Path:
        return self.output.with_name(f"{self.output.stem}.{ending}")

    def _provenance(self) -> dict[str, Any]:
        config = self.trainer.config
        return {
            "steps": self.trainer.step,
            "minutes": round(self.trainer.seconds / 60, 1),
            "photos": len(self.trainer.photos),
            "init": self.args.init,
            "batch_size": config.batch_size,
            "image_size": config.image_size,
            "style_size": config.style_size,
            "lr": config.lr,
            "content_weight": config.content_weight,
            "style_weight": config.style_weight,
            "tv_weight": config.tv_weight,
            "seed": config.seed,
            "content_layers": list(CONTENT_LAYERS),
            "style_layers": list(STYLE_LAYERS),
            "scales": list(SCALES),
            "device": str(self.trainer.device),
            "code": f"style-transfer {__version__}",
        }
