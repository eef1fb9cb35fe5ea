"""Writing still and animated images whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import ExifTags, Image, ImageChops

from style_transfer.errors import OutputError, UserError
from style_transfer.files import atomic_path
from style_transfer.media.image import Picture
from style_transfer.media.pixels import Pixels, to_pillow

DEFAULT_QUALITY = 92
"""For JPEG, WebP and AVIF, of 1 to 100: brush strokes keep their edges and files stay moderate."""

WRITABLE_FORMATS = ("jpg", "png", "webp", "tiff", "avif", "gif")
"""What ``--format`` takes: each the extension of its files."""


@dataclass(frozen=True)
class OutputFormat:
    """What a format can hold, under Pillow's name for it."""

    name: str
    longest_side: int = 2**31 - 1
    animates: bool = False
    alpha: bool = True
    exif: bool = True


_JPEG = OutputFormat("JPEG", longest_side=65500, alpha=False)
_PNG = OutputFormat("PNG", animates=True)
_TIFF = OutputFormat("TIFF")
_BY_EXTENSION = {
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".jpe": _JPEG,
    ".jfif": _JPEG,
    ".png": _PNG,
    ".apng": _PNG,
    ".webp": OutputFormat("WEBP", longest_side=16383, animates=True),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    # The encoder takes more, but decoders refuse it, libavif's by default.
    ".avif": OutputFormat("AVIF", longest_side=32768, animates=True),
    ".gif": OutputFormat("GIF", longest_side=65535, animates=True, exif=False),
}
WRITABLE_EXTENSIONS = frozenset(_BY_EXTENSION)
"""The file name extensions of what :func:`write_image` writes, lower case."""

_FULL_CHROMA_QUALITY = 85  # from here on colour is kept at full resolution: painted edges are edges of colour
_JPEG_EXIF_LIMIT = 65533  # bytes in the one segment it may fill


def write_image(picture: Picture, path: Path, *, quality: int = DEFAULT_QUALITY) -> None:
    """Write ``picture`` to ``path`` in the format its extension names, under a temporary name until whole.

    PNG and TIFF keep every pixel. An animation stays one in GIF, WebP, PNG and AVIF; JPEG and TIFF
    hold its first frame. JPEG shows what is transparent on white. EXIF goes along, except in GIF and
    where it is too long for JPEG. ``quality``, 1 to 100, is for JPEG, WebP and AVIF.

    Raises ``UserError`` for an extension not in :data:`WRITABLE_EXTENSIONS`, a quality out of range,
    or a picture the format cannot hold; ``OutputError`` if the system refuses to write.
    """
    format_ = output_format(path)
    if not 1 <= quality <= 100:
        raise UserError(f"the quality is {quality}; it must be from 1 to 100")
    check_fits(picture, path)
    options = _options(format_, quality) | _animation(picture, format_)
    if picture.dpi and format_ in (_JPEG, _PNG, _TIFF):  # in the others it is the EXIF's
        options["dpi"] = picture.dpi
    if picture.exif and format_.exif and (format_ is not _JPEG or len(picture.exif) <= _JPEG_EXIF_LIMIT):
        options["exif"] = picture.exif
        if format_ is _TIFF and _has_details(picture.exif):
            del options["compression"]  # libtiff, which compresses, fails on them
    try:
        with atomic_path(path) as temporary, temporary.open("w+b") as file:
            _save(_first(picture, format_), file, path, format_, options)
    except MemoryError as error:
        height, width = picture.size
        raise OutputError(
            f"not enough memory to write '{path}', {width}×{height} pixels; make the picture smaller"
        ) from error


def output_format(path: Path) -> OutputFormat:
    """The format the extension of ``path`` names. Raises ``UserError``, listing what there is, if none."""
    if path.suffix.lower() not in WRITABLE_EXTENSIONS:
        known = ", ".join(f".{name}" for name in WRITABLE_FORMATS)
        what = f"ends in '{path.suffix}'" if path.suffix else "has no extension"
        raise UserError(f"cannot write '{path}': its name {what}, and images are written as {known}")
    return _BY_EXTENSION[path.suffix.lower()]


def check_fits(picture: Picture, path: Path) -> None:
    """Raise ``UserError`` where ``picture`` is larger than the format of ``path`` can hold."""
    format_ = output_format(path)
    height, width = picture.size
    if max(height, width) > format_.longest_side:
        raise UserError(
            f"cannot write '{path}': {format_.name} holds at most {format_.longest_side} pixels a side and"
            f" the picture is {width}×{height}; write PNG or TIFF instead, or make it smaller"
        )


def _save(
    image: Image.Image, file: IO[bytes], path: Path, format_: OutputFormat, options: dict[str, Any]
) -> None:
    """Encode into ``file``, which becomes ``path``; raises ``OSError`` or ``UserError``."""
    try:
        image.save(file, format_.name, **options)
    except MemoryError:
        raise
    except Exception as error:
        # libtiff does not say why it failed; the half-written file still holds the last free space.
        if not getattr(error, "errno", None) and shutil.disk_usage(path.parent).free < 2**20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        if isinstance(error, OSError):
            raise
        raise UserError(
            f"cannot encode '{path}' as {format_.name} ({error}); try another format, such as PNG"
        ) from error


def _first(picture: Picture, format_: OutputFormat) -> Image.Image:
    image = to_pillow(picture.frames[0], _opacity(picture.alphas[0], format_))
    if image.mode == "RGBA" and not format_.alpha:
        shade = ImageChops.invert(image.getchannel("A"))
        image = image.convert("RGB")
        image.paste((255, 255, 255), mask=shade)
    return image


def _opacity(alpha: Pixels | None, format_: OutputFormat) -> Pixels | None:
    """In a GIF a pixel is there or not."""
    if alpha is None or format_.name != "GIF":
        return alpha
    return np.where(alpha < 128, np.uint8(0), np.uint8(255))


def _options(format_: OutputFormat, quality: int) -> dict[str, Any]:
    chroma = "4:4:4" if quality >= _FULL_CHROMA_QUALITY else "4:2:0"
    match format_.name:
        case "JPEG":
            return {"quality": quality, "subsampling": chroma}
        case "WEBP":
            return {"quality": quality}
        case "AVIF":
            # Speed 6, the default, takes 4 times as long.
            return {"quality": quality, "subsampling": chroma, "speed": 8}
        case "PNG":
            return {"compress_level": 4}  # two thirds of the default's time, the same bytes
        case "TIFF":
            return {"compression": "tiff_adobe_deflate"}
    return {}


def _has_details(exif: bytes) -> bool:
    """Whether an EXIF block has more than the main table: exposure and the like, or a place."""
    tags = Image.Exif()
    tags.load(exif)
    return ExifTags.IFD.Exif in tags or ExifTags.IFD.GPSInfo in tags


def _animation(picture: Picture, format_: OutputFormat) -> dict[str, Any]:
    if not (picture.animated and format_.animates):
        return {}
    options: dict[str, Any] = {
        "save_all": True,
        "append_images": [
            to_pillow(frame, _opacity(alpha, format_))
            for frame, alpha in zip(picture.frames[1:], picture.alphas[1:], strict=True)
        ],
        "duration": picture.durations or [100] * len(picture.frames),
        "loop": picture.loop,
    }
    if format_.name == "GIF":
        # GIF counts the repeats after the first time, and an absent count means none.
        options["loop"] = picture.loop - 1 if picture.loop > 1 else None if picture.loop == 1 else 0
        if any(alpha is not None for alpha in picture.alphas):
            options["disposal"] = 2  # else what turns transparent keeps showing the frame before
    return options
