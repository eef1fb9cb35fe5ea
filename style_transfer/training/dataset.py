"""Batches of photo crops, each a function of (seed, step, rank) alone: a resumed run sees the same."""

from __future__ import annotations

import math
import os
import random
import signal
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from style_transfer.errors import InputFileError
from style_transfer.files import is_partial
from style_transfer.media.image import IMAGE_EXTENSIONS, read_seen
from style_transfer.media.pixels import Pixels
from style_transfer.media.sheet import read_some
from style_transfer.networks.styles import part_box
from style_transfer.runtime.quantize import PHOTOS, PIXELS
from style_transfer.runtime.scaled import reduced
from style_transfer.runtime.tensors import to_tensor

# A photo's short side is scaled to between one crop and this many, evenly by ratio: from all of it, sharp, to
# a part of it, as large and as soft as a camera or a video shows things at several times the crop's size.
_CLOSEST_VIEW = 3
_ATTEMPTS = 20
_LONGEST = 12  # sides of a painting; a strip would be enlarged to hundreds of megapixels
# Crops that are faded to nearly one colour, as night, fog, sky and a covered lens are: norms blow up what
# little is in them, and a network that never saw any paints blobs there.
_FADED_SHARE = 0.05


def held_out(path: Path) -> bool:
    """True for about one photo in ten, by its name: never trained on, kept for previews and measurements."""
    return zlib.crc32(os.fsencode(path.name)) % 10 == 0


def find_photos(folder: Path) -> tuple[list[Path], list[Path]]:
    """All image files below ``folder``: those to train on, and those held out.

    A folder too small to spare any is used whole for both. Raises ``InputFileError`` without any image.
    """
    if not folder.is_dir():
        raise InputFileError(f"there is no folder '{folder}'; name a folder of photos")
    photos = sorted(p for p in folder.rglob("*") if _is_photo(p))
    if not photos:
        raise InputFileError(f"no images in '{folder}'; name a folder of photos")
    train = [p for p in photos if not held_out(p)]
    held = [p for p in photos if held_out(p)]
    return train or photos, held or photos


def range_photos(paths: Sequence[Path], on_skipped: Callable[[Path], None] = lambda _: None) -> list[Pixels]:
    """What :func:`.measure_ranges` takes of the photos of a training: some, reduced as they are read.

    Raises ``InputFileError`` if none can be read.
    """
    read = read_some(paths, PHOTOS, on_skipped, made=lambda pixels: reduced(pixels, PIXELS))
    return [pixels for _, pixels in read]


def _is_photo(path: Path) -> bool:
    """Not what a training leaves beside its model, which may lie among the photos, nor what is hidden.

    macOS keeps a ``._photo.jpg`` beside each photo on drives of other systems, which is none.
    """
    ours = path.name.endswith((".preview.png", ".losses.png")) or is_partial(path)
    return path.suffix.lower() in IMAGE_EXTENSIONS and path.is_file() and not ours and path.name[0] != "."


class PhotoBatches(Dataset[tuple[Tensor, list[str]]]):
    """Item ``step`` is a batch of random crops, uint8 ``(photos, 3, size, size)``, and the bad files skipped.

    The batch is short if twenty times as many files as it needs could not be read. No error: from a worker
    process it would arrive as a traceback.
    """

    def __init__(
        self, files: Sequence[Path], photos: int, size: int, *, seed: int = 0, rank: int = 0
    ) -> None:
        self.files, self.photos, self.size, self.seed, self.rank = list(files), photos, size, seed, rank

    def __getitem__(self, step: int) -> tuple[Tensor, list[str]]:
        rng = random.Random(f"{self.seed} {step} {self.rank}")
        crops: list[np.ndarray] = []
        skipped: list[str] = []
        while len(crops) < self.photos and len(skipped) < _ATTEMPTS * self.photos:
            path = rng.choice(self.files)
            try:
                crops.append(random_crop(path, self.size, rng))
            except InputFileError:
                skipped.append(str(path))
        batch = np.stack(crops) if crops else np.empty((0, self.size, self.size, 3), np.uint8)
        return torch.from_numpy(batch).permute(0, 3, 1, 2).contiguous(), skipped

    def from_step(self, step: int, *, workers: int) -> Iterator[tuple[Tensor, list[str]]]:
        """Batches ``step``, ``step + 1`` and so on for ever, read ahead by ``workers`` processes."""
        return iter(
            DataLoader(
                self,
                batch_size=None,
                sampler=count(step),
                num_workers=workers,
                pin_memory=workers > 0 and torch.cuda.is_available(),
                worker_init_fn=_ignore_interrupts,
            )
        )


def _ignore_interrupts(_worker: int) -> None:
    """Ctrl-C, and a SIGTERM to the whole group, are for the main process alone to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setsid"):
        os.setsid()


def random_crop(path: Path, size: int, rng: random.Random) -> np.ndarray:
    """A random crop, scaled and maybe mirrored: uint8 ``(size, size, 3)``. Raises ``InputFileError``."""
    short_side = size * _CLOSEST_VIEW ** rng.uniform(0, 1)
    # Read at twice that or more, Lanczos makes the same of it as of the whole photo.
    image = Image.fromarray(read_seen(path, short_side=math.ceil(2 * short_side)))
    scale = short_side / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    left, top = rng.randint(0, width - size), rng.randint(0, height - size)
    # Resampling only what the crop shows. Multiplied before divided, so that no edge is rounded to beyond
    # the photo's.
    box = (
        left * image.width / width,
        top * image.height / height,
        (left + size) * image.width / width,
        (top + size) * image.height / height,
    )
    crop = image.resize((size, size), Image.Resampling.LANCZOS, box=box)
    pixels = np.asarray(crop)
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
    if rng.random() < _FADED_SHARE:
        pixels = faded(pixels, [rng.uniform(0, 255) for _ in range(3)], rng.uniform(0, 0.3))
    return np.ascontiguousarray(pixels)


def faded(pixels: np.ndarray, color: Sequence[float], share: float) -> np.ndarray:
    """``share`` of uint8 ``(H, W, 3)`` pixels over one colour, 0..255: what a fog would leave of them."""
    return np.rint(share * pixels + (1 - share) * np.asarray(color)).astype(np.uint8)


def load_style_image(path: Path, size: int, part: str = "") -> Tensor:
    """A painting, or a ``part`` of it (:func:`part_box`), with its short side resized to ``size`` pixels.

    Float RGB ``(1, 3, H, W)`` in 0..1.

    Raises ``InputFileError`` for what cannot be read, or is a strip.
    """
    image = Image.fromarray(read_seen(path))
    (width, height), (left, top, right, bottom) = image.size, part_box(part)
    corner = int(left * width), int(top * height)
    image = image.crop((*corner, math.ceil(right * width), math.ceil(bottom * height)))
    if max(image.size) > _LONGEST * min(image.size):
        raise InputFileError(
            f"'{path}' is more than {_LONGEST} times as long as it is wide; cut a part out of it"
        )
    scale = size / min(image.size)
    shape = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return to_tensor(np.asarray(image.resize(shape, Image.Resampling.LANCZOS)))
