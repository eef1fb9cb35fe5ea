"""The optimisation from files to a file: what ``gatys`` reads, says and writes."""

from __future__ import annotations

import argparse
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from style_transfer.cli.common import INTERRUPTED, check_least, duration, say, stop_signals
from style_transfer.errors import OutputError, StyleTransferError, UserError
from style_transfer.evaluation.gatys import Iteration, noise_like, optimise
from style_transfer.evaluation.objective import Losses, Objective, Recipe
from style_transfer.files import are_same, beside, check_writable, exists
from style_transfer.media.alpha import fill_hidden
from style_transfer.media.image import Picture, read_still, resize_long_side
from style_transfer.media.image_writer import output_format, write_image
from style_transfer.runtime.device import Device, choose_device, choose_precision, is_out_of_memory
from style_transfer.runtime.tensors import to_pixels, to_tensor
from style_transfer.runtime.threads import set_threads

_LARGEST = 512  # pixels of the longer side, unless asked otherwise
_SMALLEST = 32  # pixels: below, a quarter of it has no feature map
_FIRST_PREVIEWS = (5, 10)
_SAY_EVERY = 25  # iterations, where there is no progress bar


def run(args: argparse.Namespace) -> int:
    """Paint as asked; 0 when done, 130 when stopped, with what there is by then written whole."""
    output = _check(args)
    device = choose_device(args.device).for_torch()
    # A line search compares losses that differ in the sixth digit, which half precision does not have.
    name = choose_precision("fp32" if args.precision == "auto" else args.precision, Device.of(device))
    precision: torch.dtype = getattr(torch, name)
    set_threads()
    photo = _photo(args)
    content = to_tensor(photo.frames[0]).to(device)
    recipe = Recipe(args.content_weight, args.style_weight, args.tone_weight, args.tv_weight, args.style_size)
    losses = _autocast(
        Objective(recipe, [args.style], vgg_weights=args.vgg_weights, device=device).losses(content, 0),
        device,
        precision,
    )
    start = noise_like(content, args.seed) if args.init == "noise" else content
    height, width = photo.size
    say(f"{width}x{height} pixels, {device}; Ctrl-C keeps what there is")
    with stop_signals("this iteration") as asked, _Progress(args, output, photo) as progress:
        try:
            picture = optimise(losses, start, args.iterations, progress, asked)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise StyleTransferError("out of memory; try a smaller --image-size") from error
            raise
        stopped = asked()
        write_image(_result(photo, picture), output)
    say(progress.summary())
    print(output)
    return INTERRUPTED if stopped else 0


def _check(args: argparse.Namespace) -> Path:
    """Where the result goes. Raises ``UserError`` for what cannot be meant."""
    output: Path = args.output or args.content.with_name(f"{args.content.stem}_{args.style.stem}.png")
    output_format(output)
    if output.is_dir():
        raise UserError(f"'{output}' is a folder; give -o the name of a file")
    if output.exists() and not args.overwrite:
        raise UserError(f"'{output}' exists; give another -o, or --overwrite")
    preview = _preview(output)
    for written in (output, preview):
        if are_same(written, args.content) or are_same(written, args.style):
            raise UserError(f"'{written}', an input, would be written over; give another -o")
    if args.preview_every > 0 and exists(preview) and not args.overwrite:
        raise UserError(f"'{preview}', where previews go, exists; give another -o, or --overwrite")
    check_least(args, iterations=1, image_size=_SMALLEST)
    check_writable(output)
    return output


def _preview(output: Path) -> Path:
    return beside(output, ".preview.png")


def _photo(args: argparse.Namespace) -> Picture:
    still = read_still(args.content)
    still = resize_long_side(still, args.image_size or min(_LARGEST, max(still.size)))
    fill_hidden(still.frames[0], still.alphas[0])
    if min(still.size) < _SMALLEST:
        height, width = still.size
        raise UserError(
            f"'{args.content}' is {width}x{height} pixels, too small to be optimised; try --image-size"
        )
    return still


def _result(photo: Picture, picture: torch.Tensor) -> Picture:
    return replace(photo, frames=[to_pixels(picture)])


def _autocast(losses: Losses, device: torch.device, precision: torch.dtype) -> Losses:
    if precision == torch.float32:
        return losses

    def cast(picture: torch.Tensor) -> dict[str, torch.Tensor]:
        with torch.autocast(device.type, precision):
            return losses(picture)

    return cast


class _Progress:
    """A bar with the losses, and a preview beside the output that goes once the output is there."""

    def __init__(self, args: argparse.Namespace, output: Path, photo: Picture) -> None:
        self.args, self.photo = args, photo
        self.preview, self.previewed = _preview(output), False
        self.refused = False
        self.start = time.perf_counter()
        self.bar = tqdm(total=args.iterations, unit="iteration", disable=None, dynamic_ncols=True)
        self.first: Iteration | None = None
        self.last: Iteration | None = None

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *failure: object) -> None:
        self.bar.close()
        if self.previewed and failure == (None, None, None):
            with suppress(OSError):
                self.preview.unlink(missing_ok=True)

    def __call__(self, iteration: Iteration) -> None:
        self.first, self.last = self.first or iteration, iteration
        number, every = iteration.number, self.args.preview_every
        losses = ", ".join(f"{name} {value:.3g}" for name, value in iteration.losses.items())
        self.bar.set_postfix_str(losses)
        self.bar.update(number - self.bar.n)
        if self.bar.disable and number % _SAY_EVERY == 0:
            say(f"iteration {number}: {losses}")
        if every > 0 and number and (number in _FIRST_PREVIEWS or number % every == 0):
            self._show(iteration)

    def _show(self, iteration: Iteration) -> None:
        try:
            write_image(_result(self.photo, iteration.picture), self.preview)
            self.previewed = True
        except OutputError as error:  # a viewer that holds it open, say, ends no optimisation
            if not self.refused:
                say(str(error))
            self.refused = True

    def summary(self) -> str:
        assert self.first is not None
        assert self.last is not None
        before, after = (state.losses["total"] for state in (self.first, self.last))
        took = duration(time.perf_counter() - self.start)
        return f"{self.last.number} iterations in {took}: total {before:.4g} to {after:.4g}"
