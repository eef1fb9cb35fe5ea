"""What to read of a video, and how to write it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class VideoOptions:
    """The defaults are all of it, as it is.

    ``start`` ``end``  seconds from the beginning of the file; None: all of it.
    ``preview``        the first so many seconds of that only.
    ``fps``            a constant rate to resample to; None keeps every frame and its time.
    ``image_size``     the long side in pixels, both sides made even; None keeps the size.
    ``side_by_side``   the input to the left of the output, in one picture.
    ``codec``          ``h264``, ``hevc``, ``av1`` or ``vp9``; None: the first that the container holds.
    ``crf`` ``preset`` of the encoder, lower and slower is better; None: those of ``format.CODECS``.
    ``threads``        of the decoder, and of the encoder; 0 lets them choose.
    """

    start: Fraction | None = None
    end: Fraction | None = None
    preview: Fraction | None = None
    fps: Fraction | None = None
    image_size: int | None = None
    side_by_side: bool = False
    codec: str | None = None
    crf: int | None = None
    preset: str | None = None
    no_audio: bool = False
    threads: int = 0

    def last(self) -> Fraction | None:
        """The end, or that of the preview if it comes first."""
        if self.preview is None:
            return self.end
        previewed = (self.start or 0) + self.preview
        return previewed if self.end is None else min(self.end, previewed)
