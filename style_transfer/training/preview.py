"""A contact sheet of fixed photos in every style, renewed while a model trains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from style_transfer.errors import InputFileError
from style_transfer.media.image import Picture, read_seen
from style_transfer.media.image_writer import write_image
from style_transfer.media.pixels import Pixels
from style_transfer.media.sheet import contact_sheet, of_height, read_some, square
from style_transfer.networks.style_model import StyleModel
from style_transfer.runtime.tensors import to_pixels, to_tensor

_SIDE = 256
_COUNT = 6


def preview_photos(paths: Sequence[Path]) -> list[Pixels]:
    """Centre squares of 256 pixels of up to six photos, evenly from all; none where none can be read."""
    try:
        return [square(pixels, _SIDE) for _, pixels in read_some(paths, _COUNT)]
    except InputFileError:
        return []


def given_photos(paths: Sequence[Path]) -> list[Pixels]:
    """Whole photos, 256 pixels high. Raises ``InputFileError`` for what cannot be read."""
    return [of_height(read_seen(path), _SIDE) for path in paths]


def write_preview(model: StyleModel, photos: Sequence[Pixels], path: Path) -> None:
    """Photos in the first row, one row a style below; nothing without photos. Raises ``OutputError``."""
    if not photos:
        return
    device, rows = model.bank.scales.device, [list(photos)]
    with torch.no_grad():
        for name in model.style_names:
            look = model.bank(model.weights({name: 1.0}).to(device))
            rows.append([to_pixels(model.network(to_tensor(photo).to(device), *look)) for photo in photos])
    sheet = contact_sheet(rows, [""] * len(photos), ["photo", *model.style_names], height=_SIDE)
    write_image(Picture([sheet]), path)
