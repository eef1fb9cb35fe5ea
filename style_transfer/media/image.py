"""Reading still and animated images as upright 8-bit sRGB."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from style_transfer.errors import InputFileError, UserError, one_line
from style_transfer.media.alpha import fill_hidden
from style_transfer.media.exif import read_exif
from style_transfer.media.pixels import Pixels, to_arrays, to_pillow

# read_image checks the size itself, with its caller's limit, before anything is decoded. Pillow's own
# limit is global to the process, so it is lifted once, here: changing it around calls would race.
Image.MAX_IMAGE_PIXELS = None
# Pillow keeps no memory from one image to the next; mapping it anew takes as long as decoding a small one.
Image.core.set_blocks_max(4)  # type: ignore[attr-defined]  # of 16 MiB

MAX_PIXELS = 512_000_000
"""The largest picture read unless asked otherwise, frames counted together."""

IMAGE_EXTENSIONS = frozenset({
    ".apng", ".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg",
    ".jpg", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".qoi", ".tif", ".tiff", ".webp",
})  # fmt: skip
"""The file name extensions of what :func:`read_image` reads, lower case."""

# Formats are named, so that a file from a stranger never reaches a rare decoder or Ghostscript. Those that
# Pillow always has come first: for any of the others it imports all its decoders.
_FORMATS = ["JPEG", "PNG", "BMP", "GIF", "PPM", "AVIF", "JPEG2000", "QOI", "TIFF", "WEBP"]
# The other multi-frame formats hold pages or views of one scene: the first is the picture.
_ANIMATED_FORMATS = {"AVIF", "GIF", "PNG", "WEBP"}
_REDUCIBLE_FORMATS = {"JPEG", "MPO"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


@dataclass
class Picture:
    """A decoded image: one frame for a still, several for an animation.

    ``frames``     uint8 RGB, HWC, C-contiguous, sRGB, upright; all of one size.
    ``alphas``     opacity of each frame, uint8 HW, 255 opaque; None where a frame is opaque.
    ``durations``  milliseconds each frame is shown; empty for a still.
    ``loop``       how often an animation plays, 0 for ever.
    ``exif``       EXIF block without what was true of the stored pixels alone; None where there is none.
    ``dpi``        pixels an inch of paper, across and down, as a scanner notes them; None where nobody did.

    For a result use ``dataclasses.replace(picture, frames=...)``: the rest is carried along.
    """

    frames: list[Pixels]
    alphas: list[Pixels | None] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)
    loop: int = 0
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        self.alphas = self.alphas or [None] * len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.frames[0].shape[:2]
        return height, width

    @property
    def animated(self) -> bool:
        return len(self.frames) > 1


def pixels_stated(path: Path) -> int:
    """Width × height of one frame, by the file's header alone. Raises as :func:`read_image` does."""
    with _opened(path) as image:
        return int(image.width * image.height)


def read_image(path: Path, *, max_pixels: int | None = MAX_PIXELS) -> Picture:
    """Decode the image ``path``; the content, not the name, decides the format.

    EXIF orientation and colour profile are applied; any depth and colour space becomes 8-bit sRGB.
    ``max_pixels`` bounds width × height × frames (None: no bound), so that a small hostile file
    cannot fill the memory. Raises ``InputFileError`` for a file that is missing, empty, damaged, too
    large, or no image.
    """
    with _opened(path) as image:
        return _decode(image, path, max_pixels)


def read_still(path: Path, *, short_side: int | None = None) -> Picture:
    """As :func:`read_image`, the first frame alone.

    A JPEG of which a ``short_side`` of so many pixels is enough is decoded at a half, a quarter or an eighth
    of its size where that is no smaller, in a fraction of the time.
    """
    with _opened(path) as image:
        return _decode(image, path, MAX_PIXELS, alone=True, short_side=short_side)


def read_seen(path: Path, *, short_side: int | None = None) -> Pixels:
    """The pixels of :func:`read_still`, what is hidden under transparency in the colours around it."""
    picture = read_still(path, short_side=short_side)
    fill_hidden(picture.frames[0], picture.alphas[0])
    return picture.frames[0]


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The file opened; what goes wrong within becomes an ``InputFileError``."""
    formats = _formats_for(path)
    try:
        with Image.open(path, formats=formats) as image:
            try:
                yield image
            except MemoryError as error:
                width, height = image.size
                raise InputFileError(
                    f"not enough memory for '{path}', {width}×{height} pixels; make it smaller first"
                ) from error
    except UserError:
        raise
    except UnidentifiedImageError as error:
        raise InputFileError(
            f"'{path}' is not an image of a known format, or is damaged;"
            " convert it to JPEG, PNG, WebP or TIFF first"
        ) from error
    except Exception as error:  # on damaged files decoders raise nearly anything, struct.error to KeyError
        raise InputFileError(
            f"'{path}' is damaged or incomplete ({one_line(error)}); get the file anew or export it again"
        ) from error


def resize_long_side(picture: Picture, long_side: int) -> Picture:
    """``picture`` scaled by Lanczos so that its longer side is ``long_side`` pixels, the other rounded.

    Enlarges as well as shrinks. Raises ``UserError`` if ``long_side`` is not positive, or more than the
    memory holds.
    """
    if long_side < 1:
        raise UserError(f"the size is {long_side} pixels; it must be at least 1")
    height, width = picture.size
    longest = max(height, width)
    if long_side == longest:
        return picture
    new_height, new_width = (
        max(1, (2 * side * long_side + longest) // (2 * longest)) for side in (height, width)
    )
    size = (new_width, new_height)
    try:
        scaled = [
            # Pillow weights colours by opacity, so that what is invisible does not bleed into edges.
            to_arrays(to_pillow(frame, alpha).resize(size, Image.Resampling.LANCZOS), size)
            for frame, alpha in zip(picture.frames, picture.alphas, strict=True)
        ]
    except (MemoryError, OverflowError) as error:
        raise UserError(
            f"there is no memory for {new_width}×{new_height} pixels; choose a smaller size"
        ) from error
    return replace(picture, frames=[frame for frame, _ in scaled], alphas=[alpha for _, alpha in scaled])


def _formats_for(path: Path) -> list[str]:
    """Pillow's names of the formats ``path`` may have; says plainly what keeps it from being read at all."""
    try:
        with path.open("rb") as file:
            header = file.read(64)
    except FileNotFoundError as error:
        raise InputFileError(f"'{path}' does not exist; check the name") from error
    except IsADirectoryError as error:
        raise InputFileError(f"'{path}' is a folder; name an image in it") from error
    except OSError as error:
        raise InputFileError(f"'{path}' cannot be opened: {error.strerror}; check its permissions") from error
    if not header:
        raise InputFileError(f"'{path}' is empty; get the file anew")
    if header[4:8] == b"ftyp" and header[8:12] in _HEIF_BRANDS and b"avif" not in header:
        try:
            import pillow_heif
        except ImportError as error:
            raise InputFileError(
                f"'{path}' is a HEIC photo, which needs one more package: pip install pillow-heif"
            ) from error
        pillow_heif.register_heif_opener()
        return ["HEIF"]
    return _FORMATS


def _decode(
    image: Image.Image,
    path: Path,
    max_pixels: int | None,
    *,
    alone: bool = False,
    short_side: int | None = None,
) -> Picture:
    if image.format == "GIF" and not _has_trailer(path):
        raise EOFError("it breaks off before its end")
    count = getattr(image, "n_frames", 1) if image.format in _ANIMATED_FORMATS else 1
    # The first image of an APNG may be one for viewers that show no animation, and no part of it.
    numbers = range(int(count > 1 and getattr(image, "default_image", False)), count)
    numbers = numbers[:1] if alone else numbers
    if short_side is not None and image.format in _REDUCIBLE_FORMATS:
        _check_pixels(path, image.size, 1, max_pixels)
        image.draft(None, (short_side, short_side))  # no side becomes shorter than that
    size = image.size
    picture = Picture([])
    for number in numbers:
        if count > 1:
            image.seek(number)
        _check_pixels(path, image.size, len(numbers), max_pixels)
        image.load()
        if number == numbers.start:
            orientation, picture.exif = read_exif(image)
            picture.dpi = _dpi(image, orientation)
        frame, alpha = to_arrays(image, size, orientation=orientation)
        picture.frames.append(frame)
        picture.alphas.append(alpha)
        if len(numbers) > 1:
            picture.durations.append(round(image.info.get("duration", 0)))
    if picture.animated:
        picture.loop = _plays(image)
    return picture


def _dpi(image: Image.Image, orientation: int) -> tuple[float, float] | None:
    """Of the upright picture; None for nonsense, as 0, or 1, which stands for unknown."""
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not (1 < across < 65536 and 1 < down < 65536):
        return None
    return (down, across) if orientation > 4 else (across, down)


def _has_trailer(path: Path) -> bool:
    """A GIF's blocks end with a semicolon. To Pillow one that breaks off is whole, with fewer pictures."""
    with path.open("rb") as file:
        head = file.read(13)
        file.seek(_colours(head[10]), os.SEEK_CUR)
        while kind := file.read(1):
            if kind == b";":
                return True
            if kind == b",":  # a picture: where it lies, its colours, the size of its first code
                place = file.read(9)
                file.seek(_colours(place[8]) if len(place) == 9 else 0, os.SEEK_CUR)
            file.seek(1, os.SEEK_CUR)
            while size := file.read(1):
                if not size[0]:
                    break
                file.seek(size[0], os.SEEK_CUR)
    return False


def _colours(flags: int) -> int:
    """The bytes of a GIF's table of colours, 0 where there is none."""
    return 3 << ((flags & 7) + 1) if flags & 128 else 0


def _plays(image: Image.Image) -> int:
    """How often it plays, 0 for ever. GIF counts the repeats after the first time, the others all."""
    loop = image.info.get("loop")
    if image.format == "GIF":
        return 1 if loop is None else loop + 1 if loop else 0
    return int(loop or 0)


def _check_pixels(path: Path, size: tuple[int, int], frames: int, max_pixels: int | None) -> None:
    pixels = size[0] * size[1] * frames
    if max_pixels is not None and pixels > max_pixels:
        what = f"{size[0]}×{size[1]} pixels" + (f" in {frames} frames" if frames > 1 else "")
        raise InputFileError(
            f"'{path}' has {pixels / 1e6:.4g} megapixels ({what}) and the limit is {max_pixels / 1e6:.4g};"
            f" if you trust the file, allow it with --max-megapixels {math.ceil(pixels / 1e6)}"
        )
