"""What is drawn over the picture in the window; recordings and cameras do not see it.

Frames are uint8 RGB HWC and changed in place.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from style_transfer.live.controls import BINDINGS, grid_shape
from style_transfer.media.font import font
from style_transfer.media.pixels import Pixels

_LEAST_HEIGHT = 480  # of a picture that text is put on
_TEXT = 1 / 31  # of the picture's shorter side
_WHITE, _GREY, _RED = (255, 255, 255), (190, 190, 190), (255, 80, 70)
_SHADE = 0.35  # what is left of the picture behind text


def legible(pixels: Pixels) -> Pixels:
    """A copy, enlarged where it is too small for text."""
    height, width = pixels.shape[:2]
    if height >= _LEAST_HEIGHT or width >= 2 * _LEAST_HEIGHT:
        return pixels.copy()
    scale = min(_LEAST_HEIGHT / height, 2 * _LEAST_HEIGHT / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def split(photo: Pixels, painting: Pixels, share: float) -> Pixels:
    """A new picture: the photo to the left of ``share`` (0..1) of the width, the painting to the right."""
    at = round(share * painting.shape[1])
    result = painting.copy()
    result[:, :at] = photo[:, :at]
    half = max(1, painting.shape[1] // 640)
    result[:, max(0, at - half) : at + half] = 255
    return result


def draw_status(pixels: Pixels, text: str) -> None:
    """A line in the top left corner."""
    pad = _size(pixels) // 2
    _draw(pixels, text, _WHITE, pad, pad)


def draw_recording(pixels: Pixels, seconds: float) -> None:
    """In the top right corner."""
    size = _size(pixels)
    text = f"REC {int(seconds) // 60:02}:{int(seconds) % 60:02}"
    width = _mask(text, size).shape[1] + size
    _draw(pixels, text, _RED, pixels.shape[1] - width - size // 2, size // 2)


def draw_note(pixels: Pixels, text: str) -> None:
    """At the bottom, in the middle, in as many lines as it takes."""
    size = _size(pixels)
    lines = _wrapped(text, size, pixels.shape[1] - 3 * size)
    height = _mask("", size).shape[0] + size // 2
    for number, line in enumerate(lines):
        left = (pixels.shape[1] - _mask(line, size).shape[1] - size) // 2
        _draw(pixels, line, _WHITE, left, pixels.shape[0] - size - height * (len(lines) - number))


def draw_grid_names(pixels: Pixels, names: Sequence[str], chosen: int) -> None:
    """Each style's name in its cell of the grid, with its key; that which is chosen, in white."""
    columns, rows = grid_shape(len(names))
    height, width = pixels.shape[:2]
    size = _size(pixels) * 4 // 5
    for n, name in enumerate(names):
        left, top = n % columns * (width // columns), n // columns * (height // rows)
        room = width // columns - 2 * size
        text = _shortened(f"{n + 1} {name}" if n < 9 else name, size, room)
        bottom = top + height // rows - _mask(text, size).shape[0] - size
        _draw(pixels, text, _WHITE if n == chosen else _GREY, left + size // 4, bottom, size)


def draw_help(pixels: Pixels) -> None:
    """The keys, in the middle."""
    size = _size(pixels)
    keys = [_mask(binding.written, size) for binding in BINDINGS]
    texts = [_mask(binding.help, size) for binding in BINDINGS]
    column = max(mask.shape[1] for mask in keys) + size
    width = column + max(mask.shape[1] for mask in texts) + 2 * size
    line = max(mask.shape[0] for mask in keys + texts) + size // 6
    height = line * len(BINDINGS) + 2 * size
    left, top = (pixels.shape[1] - width) // 2, (pixels.shape[0] - height) // 2
    _shade(pixels, left, top, width, height)
    for row, (key, text) in enumerate(zip(keys, texts, strict=True)):
        y = top + size + row * line
        _blend(pixels, key, left + size, y, _GREY)
        _blend(pixels, text, left + size + column, y, _WHITE)


def _draw(
    pixels: Pixels, text: str, colour: tuple[int, int, int], left: int, top: int, size: int = 0
) -> None:
    """A text on a shade whose top left corner is given."""
    size = size or _size(pixels)
    mask = _mask(text, size)
    _shade(pixels, left, top, mask.shape[1] + size, mask.shape[0] + size // 2)
    _blend(pixels, mask, left + size // 2, top + size // 4, colour)


def _size(pixels: Pixels) -> int:
    """Of text, in pixels: the help has to fit."""
    height, width = pixels.shape[:2]
    return max(10, int(_TEXT * min(height, width) + 0.5))


@functools.lru_cache(maxsize=16)
def _wrapped(text: str, size: int, room: int) -> list[str]:
    """Lines no wider than ``room``, of whole words but for those, such as paths, that are wider."""

    def fits(line: str) -> bool:
        return len(line) < 2 or _mask(line, size).shape[1] <= room

    lines = [""]
    for word in text.split():
        if fits(longer := f"{lines[-1]} {word}".strip()):
            lines[-1] = longer
            continue
        lines.append("")
        for letter in word:
            if fits(lines[-1] + letter):
                lines[-1] += letter
            else:
                lines.append(letter)
    return [line for line in lines if line] or [""]


def _shortened(text: str, size: int, room: int) -> str:
    if _mask(text, size).shape[1] <= room:
        return text
    while len(text) > 1 and _mask(f"{text}…", size).shape[1] > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


@functools.lru_cache(maxsize=512)
def _mask(text: str, size: int) -> NDArray[np.uint8]:
    """The text's coverage, (H, W), 0..255; as high for every text of a size."""
    letters = font(size)
    width = max(1, round(letters.getlength(text)))
    ascent, descent = letters.getmetrics()
    image = Image.new("L", (width, ascent + descent))
    ImageDraw.Draw(image).text((0, 0), text, fill=255, font=letters)
    return np.asarray(image)


def _shade(pixels: Pixels, left: int, top: int, width: int, height: int) -> None:
    """Darken a box, as far as it lies in the picture."""
    box = pixels[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)]
    if box.size:
        box[...] = cv2.convertScaleAbs(np.ascontiguousarray(box), alpha=_SHADE)


def _blend(
    pixels: Pixels, mask: NDArray[np.uint8], left: int, top: int, colour: tuple[int, int, int]
) -> None:
    """Colour where the mask covers, as far as it lies in the picture."""
    x, y = max(0, left), max(0, top)
    box = pixels[y : top + mask.shape[0], x : left + mask.shape[1]] if top + mask.shape[0] > 0 else pixels[:0]
    if not box.size:
        return
    part = mask[y - top : y - top + box.shape[0], x - left : x - left + box.shape[1], None].astype(np.uint16)
    box[...] = (box * (255 - part) + np.asarray(colour, np.uint16) * part + 127) // 255
