"""Letters, for what is drawn into pictures."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont


@functools.cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans of ``size`` pixels, as it comes with matplotlib: Pillow's own font has no accents."""
    package = find_spec("matplotlib")  # which imports nothing
    if package is None or package.origin is None:
        raise ImportError("matplotlib is not installed; the letters are its")
    return ImageFont.truetype(Path(package.origin).with_name("mpl-data") / "fonts/ttf/DejaVuSans.ttf", size)
