"""Between Pillow's images and arrays, a strip of rows at a time so that large pictures fit in memory."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Pixels = NDArray[np.uint8]
Strip = tuple[Image.Image, Image.Image | None]
"""Some rows of a picture: the colours ("RGB") and the opacity ("L"), if it has one."""

_STRIP_PIXELS = 1_000_000
_GREY = {"1", "L", "LA"}
_BIG_ENDIAN = {"I;16B", "I;16L", "I;16N"}  # Pillow cannot cut strips out of these
_WIDE = {"I;16", "I", "F"}


def to_arrays(
    image: Image.Image, size: tuple[int, int], *, orientation: int = 1
) -> tuple[Pixels, Pixels | None]:
    """The top left ``size`` (width, height) of an image of any Pillow mode, upright and in sRGB.

    Returns RGB, uint8 HWC, and the opacity, uint8 HW, or None where nothing is transparent. Beside
    ``image`` only the result is held in full: each strip is converted and turned as it is copied.
    """
    if image.mode in _BIG_ENDIAN:
        image = image.convert("I")
    width, height = size
    shape = (width, height) if orientation >= 5 else (height, width)
    split = _splitter(image)
    colours = np.empty((*shape, 3), np.uint8)
    opacity: Pixels | None = None
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        rgb, alpha = split(image.crop((0, top, width, bottom)))
        _as_stored(colours, orientation)[top:bottom] = np.asarray(rgb)
        if alpha is not None and (opacity is not None or alpha.getextrema() != (255, 255)):
            if opacity is None:
                opacity = np.full(shape, 255, np.uint8)
            _as_stored(opacity, orientation)[top:bottom] = np.asarray(alpha)
    return colours, opacity


def to_pillow(colours: Pixels, opacity: Pixels | None) -> Image.Image:
    """An "RGB" image of uint8 HWC ``colours``, or "RGBA" with uint8 HW ``opacity``."""
    image = Image.fromarray(np.ascontiguousarray(colours))
    if opacity is not None:
        image.putalpha(Image.fromarray(np.ascontiguousarray(opacity)))
    return image


def _as_stored(upright: Pixels, orientation: int) -> Pixels:
    """A view of an upright picture laid out as a file of that EXIF orientation stores it."""
    match orientation:
        case 2:
            return upright[:, ::-1]
        case 3:
            return upright[::-1, ::-1]
        case 4:
            return upright[::-1]
        case 5:
            return upright.swapaxes(0, 1)
        case 6:
            return upright.swapaxes(0, 1)[::-1]
        case 7:
            return upright[::-1, ::-1].swapaxes(0, 1)
        case 8:
            return upright.swapaxes(0, 1)[:, ::-1]
    return upright


def _splitter(image: Image.Image) -> Callable[[Image.Image], Strip]:
    """How strips of ``image`` become 8-bit RGB, and opacity where it has one."""
    to_srgb = _srgb_conversion(image)
    if image.mode in _WIDE:
        peak = _peak(image)

        def split_wide(strip: Image.Image) -> Strip:
            part = np.clip(np.nan_to_num(np.asarray(strip, np.float32)) / peak, 0, 1)
            return to_srgb(Image.fromarray(np.rint(part * 255).astype(np.uint8))), None

        return split_wide

    def split(strip: Image.Image) -> Strip:
        if not strip.has_transparency_data:
            return to_srgb(strip), None
        strip = strip.convert("RGBA")
        return to_srgb(strip), strip.getchannel("A")

    return split


def _peak(image: Image.Image) -> float:
    """What value is white in an image of more than 8 bits, where Pillow no longer knows the file's depth."""
    if image.mode == "I;16":
        return 65535
    brightest = float(np.max(image.getextrema()))
    if not math.isfinite(brightest):
        return 1.0
    if image.mode == "I":
        return 65535 if brightest <= 65535 else 2**31 - 1
    return next((peak for peak in (1.0, 255.0, 65535.0) if brightest <= peak), brightest)


def _srgb_conversion(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """How strips of ``image`` become "RGB" images in sRGB, through its colour profile if it has a usable one.

    Profiles are applied and not carried along: the networks learned from sRGB and paint in sRGB, so
    tagging their colours Display P3 would show every style oversaturated.
    """
    grey = image.mode in _GREY | _WIDE
    mode, space = ("L", "GRAY") if grey else ("CMYK", "CMYK") if image.mode == "CMYK" else ("RGB", "RGB")
    transform = _transform_to_srgb(image.info.get("icc_profile"), mode, space)
    if transform is None:
        return lambda strip: strip.convert("RGB")

    def convert(strip: Image.Image) -> Image.Image:
        converted = ImageCms.applyTransform(strip.convert(mode), transform)
        assert converted is not None  # only an in-place transform returns None
        return converted

    return convert


def _transform_to_srgb(icc: bytes | None, mode: str, space: str) -> ImageCms.ImageCmsTransform | None:
    """From ``mode`` in the profile ``icc`` to sRGB; None if that is no change, or the profile unusable."""
    if not icc:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        described = source.profile.profile_description or ""
        # Those of its own name need no change, but for those that say "linear", in one way or another.
        srgb = "sRGB" in described and not re.search("linear|g10|scRGB", described, re.IGNORECASE)
        if source.profile.xcolor_space.strip() != space or srgb:
            return None
        return ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError):  # a damaged profile: viewers ignore it too
        return None
