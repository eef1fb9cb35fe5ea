"""Clips to measure stability on: real ones, and ones made of photos by a motion that is known exactly."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from style_transfer.errors import UserError
from style_transfer.evaluation.flow import Flow, Motion, estimated_motion, inside
from style_transfer.media.pixels import Pixels
from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.reader import VideoReader, probe

_WINDOW = 0.8  # of the photo's sides: what a made clip shows at a time
_ZOOM = 1.2  # from the widest view to the narrowest
_SHAKE = 1.5  # pixels, the deviation of a hand's from one frame to the next
_NOISE = 1.5  # of 255, a camera's


class Clip(Protocol):
    """Frames, each with how the one before moved into it; None at the first."""

    @property
    def name(self) -> str: ...

    def __iter__(self) -> Iterator[tuple[Pixels, Motion | None]]: ...


@dataclass(frozen=True)
class FilmedClip:
    """The first ``frames`` of a video (None: all), at most ``long_side`` pixels long; motion is estimated.

    Iterating raises ``InputFileError`` for what is no video.
    """

    path: Path
    long_side: int
    frames: int | None = None

    @property
    def name(self) -> str:
        return self.path.name

    def __iter__(self) -> Iterator[tuple[Pixels, Motion | None]]:
        info = probe(self.path)
        smaller = max(info.width, info.height) > self.long_side
        with VideoReader(self.path, VideoOptions(image_size=self.long_side if smaller else None)) as reader:
            before: Pixels | None = None
            for frame in itertools.islice(reader, self.frames):
                yield frame.pixels, None if before is None else estimated_motion(before, frame.pixels)
                before = frame.pixels


@dataclass(frozen=True)
class _View:
    """Where a camera looks on a photo: the middle, and photo pixels a frame pixel."""

    x: float
    y: float
    scale: float


@dataclass(frozen=True)
class MadeClip:
    """A photo ``uint8`` ``(H, W, 3)`` seen by a moving camera, ``motion`` one of :data:`MOTIONS`.

    Frames have four fifths of the photo's sides and a little noise, the same at each iteration; what a frame
    and the next both show is known exactly. Raises ``UserError`` for a photo too small.
    """

    photo: Pixels
    motion: str
    frames: int = 24
    label: str = ""

    def __post_init__(self) -> None:
        if min(self.photo.shape[:2]) < 40:
            height, width = self.photo.shape[:2]
            raise UserError(f"a photo of {width}x{height} pixels is too small to move; take larger ones")

    @property
    def name(self) -> str:
        return f"{self.label} {self.motion}".strip()

    @property
    def _size(self) -> tuple[int, int]:
        height, width = self.photo.shape[:2]
        return round(height * _WINDOW), round(width * _WINDOW)

    def __iter__(self) -> Iterator[tuple[Pixels, Motion | None]]:
        rng = np.random.default_rng(0)
        before: _View | None = None
        for view in MOTIONS[self.motion](self.photo.shape[0], self.photo.shape[1], self.frames):
            noise = rng.normal(0, _NOISE, (*self._size, 3))
            frame = (self._seen(view) + noise).round().clip(0, 255).astype(np.uint8)
            yield frame, None if before is None else self._motion(before, view)
            before = view

    def _seen(self, view: _View) -> NDArray[np.float32]:
        height, width = self._size
        left, top = view.x - view.scale * (width - 1) / 2, view.y - view.scale * (height - 1) / 2
        matrix = np.array([[view.scale, 0, left], [0, view.scale, top]])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        picture = cv2.warpAffine(self.photo.astype(np.float32), matrix, (width, height), flags=flags)
        return np.asarray(picture, np.float32)

    def _motion(self, before: _View, after: _View) -> Motion:
        """A pixel p of the frame before shows the photo at x + scale · p, p from the frame's middle."""
        height, width = self._size
        y, x = np.mgrid[0:height, 0:width].astype(np.float64)
        x, y = x - (width - 1) / 2, y - (height - 1) / 2
        right = (before.x - after.x + before.scale * x) / after.scale - x
        down = (before.y - after.y + before.scale * y) / after.scale - y
        flow: Flow = np.stack([right, down], 2).astype(np.float32)
        return Motion(flow, inside(flow))


def _pan(height: int, width: int, frames: int) -> Iterator[_View]:
    """From the upper left to the lower right, as far as the photo goes."""
    margin = (1 - _WINDOW) / 2 * 0.95
    for t in np.linspace(-1, 1, frames):
        yield _View((0.5 + margin * t) * (width - 1), (0.5 + margin * t) * (height - 1), 1)


def _zoom(height: int, width: int, frames: int) -> Iterator[_View]:
    """Evenly into the middle."""
    for t in np.linspace(1, 0, frames):
        yield _View((width - 1) / 2, (height - 1) / 2, _ZOOM**t)


def _shake(height: int, width: int, frames: int) -> Iterator[_View]:
    """A hand's, about the middle, drawn back to it."""
    rng = np.random.default_rng(1)
    at = np.zeros(2)
    most = np.array([width, height]) * (1 - _WINDOW) / 2 - 1
    for _ in range(frames):
        yield _View((width - 1) / 2 + at[0], (height - 1) / 2 + at[1], 1)
        at = (0.9 * at + rng.normal(0, _SHAKE, 2)).clip(-most, most)


#: Kinds of motion: ``(height, width, frames)`` → where the camera looks, frame by frame.
MOTIONS: dict[str, Callable[[int, int, int], Iterator[_View]]] = {"pan": _pan, "zoom": _zoom, "shake": _shake}
