"""What a writer, and who shows progress, must know of where frames come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from av.stream import Stream
from av.video.stream import VideoStream

from style_transfer.media.video.frame import Colour, Frame
from style_transfer.media.video.open import Packet

if TYPE_CHECKING:
    from av.container.core import Chapter


@dataclass(frozen=True)
class VideoInfo:
    """What a file says of itself.

    ``width``, ``height``  of the frames that are read: upright, scaled, in pixels.
    ``fps``                frames a second on average, or the constant rate asked for.
    ``frames``             that will be read, an estimate; None where unknown.
    ``pixel_aspect``       width of a pixel by its height; 1 where unknown.
    """

    width: int
    height: int
    fps: Fraction
    frames: int | None
    pixel_aspect: Fraction
    colour: Colour


class Source(Protocol):
    """A video, or an image sequence; ``notices`` and ``truncated`` are complete after reading."""

    @property
    def path(self) -> Path: ...

    @property
    def info(self) -> VideoInfo: ...

    @property
    def offset(self) -> Fraction:
        """Seconds from the beginning of the input to time 0, as each :class:`.Frame` has it."""

    @property
    def notices(self) -> list[str]: ...

    @property
    def truncated(self) -> bool: ...

    @property
    def stream(self) -> VideoStream | None:
        """What has the video's tags, where it has any."""

    @property
    def other_streams(self) -> Sequence[Stream]:
        """Those that are not painted."""

    def late_streams(self) -> set[int]:
        """The indices of those among them of which nothing comes for a while."""

    @property
    def metadata(self) -> dict[str, str]: ...

    def chapters(self) -> list[Chapter]: ...

    def items(self) -> Iterator[Frame | Packet]:
        """The frames, and the packets of ``other_streams`` near in time; once."""
