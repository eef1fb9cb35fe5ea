"""Pictures as they travel: JPEG or WebP from a stranger, JPEG back."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from style_transfer.errors import UserError
from style_transfer.media.pixels import Pixels

MAX_PIXELS = 2_100_000
"""The largest picture taken: full HD, or a photo that the page has reduced to it."""

_FORMATS = ["JPEG", "WEBP"]  # no other decoder is ever reached
_QUALITY = 82


def decode(data: bytes) -> Pixels:
    """JPEG or WebP → uint8 RGB HWC. The size is checked before anything is decoded.

    Raises ``UserError`` for what is no such picture, is damaged, or has more than :data:`MAX_PIXELS`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise UserError(f"the picture has {width}x{height} pixels, and the limit is {MAX_PIXELS}")
            return np.array(image.convert("RGB"))
    except UserError:
        raise
    except Exception as error:  # on damaged data decoders raise nearly anything
        raise UserError("the picture is no JPEG or WebP, or is damaged") from error


def encode(pixels: Pixels, quality: int = _QUALITY) -> bytes:
    """uint8 RGB HWC → JPEG."""
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        return file.getvalue()


def resized(pixels: Pixels, height: int, width: int) -> Pixels:
    """``pixels`` at that size, reduced without aliasing; the same array where it has it."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
