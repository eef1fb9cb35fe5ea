"""A contact sheet of fixed photos in every style, renewed while a model trains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from style_transfer.errors import InputFileError
from style_transfer.files import atomic_path
from style_transfer.media.image import read_image
from style_transfer.networks.style_model import StyleModel

_SIDE = 256
_COUNT = 6


def preview_photos(paths: Sequence[Path]) -> torch.Tensor:
    """Centre squares of up to six of the photos, float ``(N, 3, 256, 256)`` in 0..1; bad files left out."""
    squares: list[np.ndarray] = []
    for path in paths[:: max(1, len(paths) // _COUNT)]:
        try:
            image = Image.fromarray(read_image(path).frames[0])
        except InputFileError:
            continue
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        box = (left, top, left + side, top + side)
        squares.append(np.array(image.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS, box=box)))
        if len(squares) == _COUNT:
            break
    if not squares:
        return torch.empty(0, 3, _SIDE, _SIDE)
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 255


def write_preview(model: StyleModel, photos: torch.Tensor, path: Path) -> None:
    """Photos in the first row, one row a style below; nothing without photos. Raises ``OutputError``."""
    if not len(photos):
        return
    device = model.bank.scales.device
    rows = [photos]
    with torch.no_grad():
        for index in range(len(model.styles)):
            look = model.bank(torch.eye(len(model.styles), device=device)[index : index + 1])
            rows.append(torch.cat([model.network(photo[None].to(device), *look).cpu() for photo in photos]))
    sheet = torch.stack(rows).mul(255).round().byte()  # rows, columns, 3, H, W
    pixels = sheet.permute(0, 3, 1, 4, 2).reshape(len(rows) * _SIDE, -1, 3).numpy()
    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary)
