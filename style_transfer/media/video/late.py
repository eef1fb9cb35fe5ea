"""Tracks that begin late, or never: a commentary from minute twenty on, a microphone never switched on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
from av.stream import Stream

from style_transfer.media.video.continuity import JUMPING_FORMATS
from style_transfer.media.video.open import open_video, packets_of, shown_at

_LOOKED_AT = 2  # seconds of the picture
_US = 1_000_000


def late_tracks(path: Path, video: Stream, others: Iterable[Stream], begins: Fraction | None) -> set[int]:
    """The indices of those of ``others``, sound and pictures, of which the first seconds hold nothing.

    ``begins`` is where on the file's clock reading begins; None: at its beginning.
    """
    missing = {stream.index for stream in others if stream.type in ("audio", "video")}
    first: Fraction | None = None
    with open_video(path) as container, suppress(av.FFmpegError):  # what cannot be read is told by the reader
        if missing and begins and container.format.name not in JUMPING_FORMATS:
            container.seek(math.floor(begins * _US))
        for packet in packets_of(container) if missing else ():
            time = shown_at(packet) or Fraction(0)
            if begins is not None and time < begins:
                continue
            missing.discard(packet.stream.index)
            if packet.stream.index == video.index:
                first = time if first is None else first
                if time > first + _LOOKED_AT:
                    break
            if not missing:
                break
    return missing
