"""A training run: what was asked for checked and read, and the trainer set to work."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from style_transfer.cli.common import INTERRUPTED, check_least, stop_signals
from style_transfer.cli.train import KEPT, SETTINGS, STROKES
from style_transfer.cli.train_model import model_to_join, model_to_train, named_styles
from style_transfer.cli.train_writer import Writer, preview_path, run_name
from style_transfer.errors import OutputError, TrainingError, UserError
from style_transfer.files import are_same, check_writable
from style_transfer.lock import sole_writer
from style_transfer.losses.perceptual import CONTENT_LAYERS, STYLE_LAYERS, PerceptualLoss
from style_transfer.losses.vgg import VGG19Features
from style_transfer.runtime.device import Device, choose_device, choose_precision
from style_transfer.runtime.threads import set_threads
from style_transfer.training.checkpoint import checkpoint_path, load_checkpoint
from style_transfer.training.config import TrainingConfig
from style_transfer.training.dataset import find_photos, load_style_image
from style_transfer.training.distributed import Peers, local_device, local_processes
from style_transfer.training.history import log_to_tensorboard
from style_transfer.training.preview import given_photos, preview_photos
from style_transfer.training.trainer import Trainer

_MINUTES_ON_A_CPU = 30.0
_STEPS_ON_A_GPU = 4000
_QUICK_MINUTES_ON_A_CPU = 5.0
_QUICK_MINUTES_ON_A_GPU = 0.4
# A processor does each step's work in turn: in the same time many small steps learn more than few large ones.
_ON_A_CPU = {"batch_size": 2, "image_size": 192}
_QUICK_LR = 1e-2  # some thousand numbers a style stand larger steps than a whole network


def run(args: argparse.Namespace) -> int:
    """Train as asked; 0 when complete, 130 when stopped early with a usable model."""
    output = _check_output(args)
    device = choose_device(local_device(args.device)).for_torch()
    peers = Peers.join(device)
    set_threads(share_of=local_processes())
    try:
        with sole_writer(run_name(args, output)) if peers.rank == 0 else nullcontext():
            return _train(args, output, device, peers)
    finally:
        peers.leave()


def _train(args: argparse.Namespace, output: Path, device: torch.device, peers: Peers) -> int:
    base = model_to_join(args, named_styles(args)) if args.add_to else None
    checkpoint = load_checkpoint(checkpoint_path(run_name(args, output))) if args.resume else None
    log = log_to_tensorboard(args.tensorboard) if args.tensorboard and peers.rank == 0 else None
    shown = given_photos(args.preview_photos) if args.preview_photos else None
    trainer, held_out = _prepare(args, device, peers, checkpoint or {})
    writer = None
    if peers.rank == 0:
        writer = Writer(args, trainer, output, shown or preview_photos(held_out), base, log)
    if checkpoint:
        trainer.load_state(checkpoint)
    if writer:
        writer.announce()
    with stop_signals() as asked:
        try:
            if writer and not checkpoint:
                writer.forget_earlier_run()
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
            complete = writer.finish(complete, asked)
    return 0 if complete else INTERRUPTED


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
    preview = preview_path(run_name(args, output))
    if any(are_same(preview, path) for path in [*args.style_image, *(args.preview_photos or ())]):
        raise UserError(f"the preview would overwrite the input '{preview}'; give another --output")
    check_writable(output)
    return output


def _prepare(
    args: argparse.Namespace, device: torch.device, peers: Peers, checkpoint: Mapping[str, Any]
) -> tuple[Trainer, list[Path]]:
    config, before = _config(args, device, checkpoint.get("config", {})), checkpoint.get("description")
    photos, held_out = find_photos(args.dataset)
    torch.manual_seed(config.seed % 2**63)
    model = model_to_train(args, named_styles(args, before), before)
    paintings = [
        load_style_image(path, config.style_size, style.part).to(device)
        for path, style in zip(args.style_image, model.styles, strict=True)
    ]
    vgg = VGG19Features([*STYLE_LAYERS, *CONTENT_LAYERS], args.vgg_weights).to(device)
    loss = PerceptualLoss(vgg, paintings)
    precision: torch.dtype = getattr(torch, choose_precision(args.precision, Device.of(device)))
    return Trainer(model, loss, photos, config, device=device, precision=precision, peers=peers), held_out


def _config(args: argparse.Namespace, device: torch.device, before: Mapping[str, Any]) -> TrainingConfig:
    """What the flags say; else as ``before``, the settings of a run that is resumed; else the defaults."""
    quick = args.quick or bool(args.add_to) or before.get("styles_only", False)
    steps, minutes = args.steps, args.minutes
    if steps is None and minutes is None:
        if before:
            steps, minutes = before.get("steps"), before.get("minutes")
        elif quick:
            minutes = _QUICK_MINUTES_ON_A_CPU if device.type == "cpu" else _QUICK_MINUTES_ON_A_GPU
        elif device.type == "cpu":
            minutes = _MINUTES_ON_A_CPU
        else:
            steps = _STEPS_ON_A_GPU
    scale = STROKES.get(args.stroke) if args.style_scale is None else args.style_scale
    check_least(args, preview_every=0, save_every=0)
    if scale is not None and not 0 < scale <= 8:
        raise UserError(f"--style-scale must be above 0 and at most 8, not {scale:g}")
    given = {name: getattr(args, name) for name in SETTINGS}
    if args.style_size is None and scale is not None:
        given["style_size"] = round(TrainingConfig.style_size * scale)
    if args.style_weight is None:
        given["style_weight"] = KEPT.get(args.keep_content)
    settings: dict[str, Any] = dict(_ON_A_CPU) if device.type == "cpu" else {}
    settings |= {"lr": _QUICK_LR, "mix_share": 0.0} if quick else {}
    settings |= {name: before[name] for name in SETTINGS if name in before}
    settings |= {name: value for name, value in given.items() if value is not None}
    return TrainingConfig(steps=steps, minutes=minutes, styles_only=quick, **settings)
