"""Where painted frames go. All take uint8 RGB, HWC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from style_transfer.errors import UserError, one_line
from style_transfer.media.pixels import Pixels


class Sink(Protocol):
    """What takes frames."""

    def show(self, pixels: Pixels, time: float) -> None:
        """Take the next frame, uint8 RGB HWC of any size, which is of ``time`` (seconds); does not wait.

        The array belongs to others: it is copied or used at once, never changed.
        """

    def close(self) -> None:
        """Finish what was begun."""


@dataclass(frozen=True)
class Click:
    """The pointer, pressed: where in the picture, 0..1 from the left and from the top."""

    x: float
    y: float


class Display(Sink, Protocol):
    """A sink that a person sits at."""

    @property
    def closed(self) -> bool:
        """The person has closed it."""

    def poll(self) -> list[str | Click]:
        """What was pressed since the last call: characters, or ``left``, ``right``, ``escape``."""

    def toggle_full_screen(self) -> None: ...


class VirtualCamera:
    """A camera that other programs see, through pyvirtualcam; its size is the first frame's.

    Raises ``UserError`` where pyvirtualcam is missing, at once, or has no driver, at the first frame.
    """

    def __init__(self, fps: float) -> None:
        try:
            import pyvirtualcam  # type: ignore[import-not-found, unused-ignore]
        except ImportError as error:
            raise UserError("--virtual-camera needs pyvirtualcam: pip install pyvirtualcam") from error
        self._make: Callable[..., Any] = pyvirtualcam.Camera
        self._fps = fps
        self._camera: Any = None

    def show(self, pixels: Pixels, time: float) -> None:  # noqa: ARG002
        if self._camera is None:
            height, width = pixels.shape[:2]
            try:
                self._camera = self._make(width=width, height=height, fps=self._fps)
            except RuntimeError as error:
                raise UserError(
                    f"no virtual camera can be had ({one_line(error)}); install OBS, or on"
                    " Linux: sudo modprobe v4l2loopback exclusive_caps=1"
                ) from error
        size = (self._camera.width, self._camera.height)
        self._camera.send(np.ascontiguousarray(fitted(pixels, size)))

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()


def fitted(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """``pixels`` at ``size`` (width, height), its shape kept, in the middle of black."""
    width, height = size
    if pixels.shape[:2] == (height, width):
        return pixels
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    inner = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    result = np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    result[top : top + inner[1], left : left + inner[0]] = cv2.resize(
        pixels, inner, interpolation=cv2.INTER_AREA
    )
    return result
