"""Pictures as tensors and back."""

from __future__ import annotations

import torch
from helpers import photo_pixels

from style_transfer.runtime.tensors import to_pixels, to_tensor


def test_pixels_come_back_from_tensors() -> None:
    pixels = photo_pixels(5, 7)
    assert (to_pixels(to_tensor(pixels)) == pixels).all()
    assert (to_pixels(torch.tensor([-1.0, 0.5, 2.0]).reshape(1, 3, 1, 1)) == [0, 128, 255]).all()
