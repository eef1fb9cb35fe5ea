"""What page and server say to each other.

Pictures are binary messages, everything else is JSON.

=====================  =============================================================================
page to server
=====================  =============================================================================
binary                 the frame's number (uint32, little-endian), then a JPEG or WebP
``look``               ``styles`` (weights by name), ``strength`` 0..1, ``preserve_color``
``source``             ``photo``: whether the frames that follow show a photo, not a camera
``thumbnails``         asks for the first frame numbered ``from`` or later in every style, small
``got``                ``id`` of a frame of the server's camera that has been drawn
``ping``               ``time``, any number, which comes back
=====================  =============================================================================

=====================  =============================================================================
server to page
=====================  =============================================================================
binary                 :data:`HEADER`, then a JPEG
``welcome``            ``styles``, ``look``, ``source`` (``browser`` or ``server``); of a picture at
                       most ``max_pixels`` and ``max_bytes``
``pong``               ``time`` of the ping
``error``              ``message``
=====================  =============================================================================
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from style_transfer.errors import UserError

HEADER = struct.Struct("<BxHHHI")
"""Kind, style, milliseconds waited, milliseconds painted, number of the frame."""

FRAME, THUMBNAIL = 1, 2
NUMBER = struct.Struct("<I")

MAX_BYTES = 2 << 20
"""The longest message taken; what is longer ends the connection."""

MAX_PICTURE = 2_000_000
"""Bytes of the largest JPEG or WebP that a page is to send."""

_MAX_TEXT = 8192
_LAST = 2**32 - 1
_MOST_MILLISECONDS = 65535


@dataclass(frozen=True)
class LookWanted:
    """A mix as weights by style name, with what goes with it; the names are not checked yet."""

    styles: Mapping[str, float]
    strength: float
    preserve_color: bool


@dataclass(frozen=True)
class ThumbnailsWanted:
    first: int


@dataclass(frozen=True)
class SourceShown:
    photo: bool


@dataclass(frozen=True)
class Got:
    id: int


@dataclass(frozen=True)
class Ping:
    time: float


Request = LookWanted | SourceShown | ThumbnailsWanted | Got | Ping


def parse_frame(data: bytes) -> tuple[int, bytes]:
    """Number and picture of a binary message. Raises ``UserError`` where there is no picture in it."""
    if len(data) <= NUMBER.size:
        raise UserError("a frame is a number of four bytes and a picture")
    return NUMBER.unpack_from(data)[0], data[NUMBER.size :]


def parse_request(text: str) -> Request:
    """A JSON message. Raises ``UserError`` for anything that is not exactly one of those above."""
    if len(text) > _MAX_TEXT:
        raise UserError(f"the message is longer than {_MAX_TEXT} characters")
    try:
        message = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UserError("the message is no JSON") from error
    if not isinstance(message, dict):
        raise UserError("a message is a JSON object")
    match message.pop("type", None):
        case "look":
            styles, strength, keep = _fields(message, "styles", "strength", "preserve_color")
            if not (isinstance(styles, dict) and styles and isinstance(keep, bool)):
                raise UserError("a look has 'styles' by name, and 'preserve_color' true or false")
            weights = {name: _number(weight, 0, 1e6) for name, weight in styles.items()}
            return LookWanted(weights, _number(strength, 0, 1), keep)
        case "source":
            (photo,) = _fields(message, "photo")
            if not isinstance(photo, bool):
                raise UserError("a source has 'photo', true or false")
            return SourceShown(photo)
        case "thumbnails":
            (number,) = _fields(message, "from")
            return ThumbnailsWanted(int(_number(number, 0, _LAST)))
        case "got":
            (number,) = _fields(message, "id")
            return Got(int(_number(number, 0, _LAST)))
        case "ping":
            (time,) = _fields(message, "time")
            return Ping(_number(time, 0, 1e15))
    raise UserError("a message has a 'type': look, source, thumbnails, got or ping")


def picture_message(
    kind: int, number: int, jpeg: bytes, *, style: int = 0, waited: float = 0.0, took: float = 0.0
) -> bytes:
    """A picture for the page; ``waited`` and ``took`` are seconds."""
    waited_ms, took_ms = (min(_MOST_MILLISECONDS, round(1000 * seconds)) for seconds in (waited, took))
    return HEADER.pack(kind, style, waited_ms, took_ms, number) + jpeg


def _fields(message: dict[str, Any], *names: str) -> list[Any]:
    if set(message) != set(names):
        raise UserError(f"this message has the fields: {', '.join(names)}")
    return [message[name] for name in names]


def _number(value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError("a number was expected")
    if not least <= value <= most:  # nor is what is not a number
        raise UserError(f"a number must be from {least:g} to {most:g}")
    return float(value)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
