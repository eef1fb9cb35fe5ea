"""Photos to measure on, and sheets of pictures to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from style_transfer.errors import InputFileError
from style_transfer.media.image import IMAGE_EXTENSIONS, read_image
from style_transfer.media.pixels import Pixels

_GAP, _CAPTION = 6, 18  # pixels, of a sheet


def to_tensor(pixels: Pixels) -> Tensor:
    """``uint8`` ``(H, W, 3)`` → float ``(1, 3, H, W)`` in 0..1, contiguous, on the CPU."""
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].contiguous().float() / 255


def to_pixels(picture: Tensor) -> Pixels:
    """``(1, 3, H, W)`` in 0..1 → ``uint8`` ``(H, W, 3)``, rounded."""
    rounded = picture[0].detach().cpu().mul(255).round().clamp(0, 255).byte()
    return np.ascontiguousarray(rounded.permute(1, 2, 0).numpy())


def find_paintings(paths: Sequence[Path], names: Sequence[str]) -> dict[str, Path]:
    """The image named after each style, among files and in folders. Raises ``InputFileError`` without one."""
    files: dict[str, Path] = {}
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_EXTENSIONS)
        elif path.is_file():
            found = [path]
        else:
            raise InputFileError(f"there is no painting '{path}'; --style-images takes files and folders")
        for file in found:
            files.setdefault(file.stem, file)
    if missing := [name for name in names if name not in files]:
        raise InputFileError(
            f"--style-images has no painting named {', '.join(missing)}; name the file after the style, "
            "or choose others with --styles"
        )
    return {name: files[name] for name in names}


def read_some(paths: Sequence[Path], count: int) -> list[tuple[Path, Pixels]]:
    """Up to ``count`` photos that can be read, evenly from all. Raises ``InputFileError`` if none can be."""
    order = [paths[len(paths) * i // count] for i in range(count)] if len(paths) > count else list(paths)
    read: list[tuple[Path, Pixels]] = []
    for path in [*order, *(p for p in paths if p not in set(order))]:
        if len(read) == count:
            break
        try:
            read.append((path, read_image(path).frames[0]))
        except InputFileError:
            continue
    if not read:
        raise InputFileError(f"none of {len(paths)} photos can be read, not '{paths[0]}'")
    return read


def square(pixels: Pixels, side: int) -> Pixels:
    """The middle of a picture as a square of ``side`` pixels."""
    image = Image.fromarray(pixels)
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    box = (left, top, left + short, top + short)
    return np.array(image.resize((side, side), Image.Resampling.LANCZOS, box=box))


def contact_sheet(
    rows: Sequence[Sequence[Pixels | None]], columns: Sequence[str], labels: Sequence[str], height: int = 180
) -> Pixels:
    """Pictures scaled to one ``height``, with a caption above each column and each row; None: left empty."""
    cells = [[None if cell is None else _scaled(cell, height) for cell in row] for row in rows]
    widths = [
        max((cell.width for cell in column if cell is not None), default=height)
        for column in zip(*cells, strict=True)
    ]
    step = _CAPTION + height + _GAP
    sheet = Image.new("RGB", (sum(widths) + _GAP * (len(widths) + 1), _CAPTION + step * len(rows)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    left = _GAP
    for i, (caption, width) in enumerate(zip(columns, widths, strict=True)):
        draw.text((left, 2), caption, fill="black", font=font)
        for j, row in enumerate(cells):
            if (cell := row[i]) is not None:
                sheet.paste(cell, (left, 2 * _CAPTION + step * j))
        left += width + _GAP
    for j, label in enumerate(labels):
        draw.text((_GAP, _CAPTION + step * j + 2), label, fill="black", font=font)
    return np.asarray(sheet)


def _scaled(pixels: Pixels, height: int) -> Image.Image:
    image = Image.fromarray(pixels)
    width = max(1, round(image.width * height / image.height))
    return image.resize((width, height), Image.Resampling.LANCZOS)
