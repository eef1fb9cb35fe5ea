"""Some of many photos, and sheets of pictures to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from style_transfer.errors import InputFileError
from style_transfer.media.font import font
from style_transfer.media.image import read_seen
from style_transfer.media.pixels import Pixels

_GAP, _CAPTION = 6, 18  # pixels, of a sheet


def read_some(
    paths: Sequence[Path],
    count: int,
    on_skipped: Callable[[Path], None] = lambda _: None,
    *,
    made: Callable[[Pixels], Pixels] = lambda pixels: pixels,
) -> list[tuple[Path, Pixels]]:
    """Up to ``count`` photos that can be read, evenly from all; of each, what is ``made`` of it at once.

    Raises ``InputFileError`` if none can be read.
    """
    if not paths:
        raise InputFileError("there are no photos; name a folder that has some")
    order = [paths[len(paths) * i // count] for i in range(count)] if len(paths) > count else list(paths)
    first = set(order)
    read: list[tuple[Path, Pixels]] = []
    for path in [*order, *(p for p in paths if p not in first)]:
        if len(read) == count:
            break
        try:
            read.append((path, made(read_seen(path))))
        except InputFileError:
            on_skipped(path)
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
    """Pictures scaled to one ``height``, with a caption above each column and each row; None: left empty.

    Where no column or no row has a caption, no room is kept for them.
    """
    cells = [
        [None if cell is None else Image.fromarray(of_height(cell, height)) for cell in row] for row in rows
    ]
    widths = [
        max((cell.width for cell in column if cell is not None), default=height)
        for column in zip(*cells, strict=True)
    ]
    head, label_room = (_CAPTION if any(captions) else 0 for captions in (columns, labels))
    step = label_room + height + _GAP
    sheet = Image.new("RGB", (sum(widths) + _GAP * (len(widths) + 1), head + step * len(rows)), "white")
    draw, letters = ImageDraw.Draw(sheet), font(12)
    left = _GAP
    for i, (caption, width) in enumerate(zip(columns, widths, strict=True)):
        draw.text((left, 2), caption, fill="black", font=letters)
        for j, row in enumerate(cells):
            if (cell := row[i]) is not None:
                sheet.paste(cell, (left, head + label_room + step * j))
        left += width + _GAP
    for j, label in enumerate(labels):
        draw.text((_GAP, head + step * j + 2), label, fill="black", font=letters)
    return np.asarray(sheet)


def contact_grid(
    pictures: Sequence[Pixels], captions: Sequence[str], columns: int, height: int = 180
) -> Pixels:
    """Pictures of one shape on lines of up to ``columns``, as even as can be, captions above them."""
    lines = -(-len(pictures) // columns)
    each = -(-len(pictures) // lines)
    blank = np.full_like(pictures[0], 255)
    cells = [*pictures, *[blank] * (lines * each - len(pictures))]
    captions = [*captions, *[""] * (len(cells) - len(captions))]
    parts = [slice(i, i + each) for i in range(0, len(cells), each)]
    return np.concatenate([contact_sheet([cells[part]], captions[part], [""], height) for part in parts])


def of_height(pixels: Pixels, height: int) -> Pixels:
    """A picture scaled to ``height`` pixels."""
    image = Image.fromarray(pixels)
    width = max(1, round(image.width * height / image.height))
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))
