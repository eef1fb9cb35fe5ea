"""What a photo says about itself, kept for the picture made from it (EXIF 2.32, TIFF 6.0 section 2)."""

from __future__ import annotations

import struct
from collections.abc import Collection

from PIL import ExifTags, Image

_PREFIX = b"Exif\0\0"
_ORIENTATION = ExifTags.Base.Orientation
# What is true of the stored pixels and not of those that are given: these are upright, and sRGB.
_OF_STORED = (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight, ExifTags.Base.ColorSpace)

# In a TIFF the description of the stored pixels stands among the photo's own tags.
_LAYOUT = (
    *range(254, 267),  # size, depth, compression, photometric interpretation
    *(273, 277, 278, 279, 280, 281, 284, 290, 291, 292, 293, 297, 301, 317, 318, 319, 320),
    *(322, 323, 324, 325, 330, 332, 336, 338, 339, 340, 341, 347, 529, 530, 531, 532),
    *(700, 33723, 34377, 34675, 37724),  # XMP, IPTC, Photoshop, ICC profile
)


def read_exif(image: Image.Image) -> tuple[int, bytes | None]:
    """The orientation of a loaded image, 1 to 8, and its EXIF block without what no longer holds.

    Orientation, stored size and thumbnail are taken out of the block; None if there is no usable one.
    """
    try:
        tags = image.getexif()
        orientation = tags.get(_ORIENTATION, 1)
    except Exception:  # a malformed block is no reason to refuse the photo
        return 1, None
    if orientation not in range(1, 9):
        orientation = 1
    try:
        block = image.info.get("exif")
        if not block and len(tags):  # a TIFF has tags and no block
            for tag in _LAYOUT:
                tags.pop(tag, None)
            block = tags.tobytes()
        return orientation, _cleaned(block) if block else None
    except Exception:
        return orientation, None


def _cleaned(block: bytes) -> bytes:
    """The block edited in place: writing it anew would lose names outside ASCII and break maker's notes."""
    data = bytearray(block.removeprefix(_PREFIX))
    order = "<" if data[:2] == b"II" else ">"
    (main,) = struct.unpack_from(order + "I", data, 4)
    if details := _value(data, order, main, ExifTags.IFD.Exif):
        _remove(data, order, details, _OF_STORED)
    thumbnails = _remove(data, order, main, {_ORIENTATION})
    if thumbnails:
        start = _value(data, order, thumbnails, ExifTags.Base.JpegIFOffset)
        length = _value(data, order, thumbnails, ExifTags.Base.JpegIFByteCount)
        if start and length:
            if start + length >= len(data):
                del data[start:]
            else:
                data[start : start + length] = bytes(length)
    return _PREFIX + bytes(data)


def _entries(data: bytearray, order: str, table: int) -> list[bytes]:
    (count,) = struct.unpack_from(order + "H", data, table)
    if len(data) < table + 2 + 12 * count + 4:
        raise ValueError("the EXIF table is cut short")
    return [bytes(data[start : start + 12]) for start in range(table + 2, table + 2 + 12 * count, 12)]


def _value(data: bytearray, order: str, table: int, tag: int) -> int | None:
    """The 32-bit value of ``tag`` in ``table``."""
    for entry in _entries(data, order, table):
        found, _, _, value = struct.unpack(order + "HHII", entry)
        if found == tag:
            return int(value)
    return None


def _remove(data: bytearray, order: str, table: int, tags: Collection[int]) -> int:
    """Take ``tags`` out of ``table`` and unlink the table after it, whose offset is returned, 0 for none."""
    entries = _entries(data, order, table)
    end = table + 2 + 12 * len(entries) + 4
    (following,) = struct.unpack_from(order + "I", data, end - 4)
    kept = [entry for entry in entries if struct.unpack_from(order + "H", entry)[0] not in tags]
    new = struct.pack(order + "H", len(kept)) + b"".join(kept)
    data[table:end] = new.ljust(end - table, b"\0")
    return int(following)
