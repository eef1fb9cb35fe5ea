"""Frames of a film, painted with statistics that follow it slowly: less flicker than every frame's own.

With live statistics whatever enters a picture changes its whole palette a little, frame by frame. Here they
are measured now and then, approached over about a second, and taken anew at once when the scene is cut.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from style_transfer.networks.base import Statistics
from style_transfer.runtime.look import Look
from style_transfer.runtime.stylizer import Stylizer

_MEASURE_EVERY = 12  # frames; each costs a pass of the network
_FOLLOW = 1 / 24  # of the way to what was measured, each frame
_THUMBNAIL = (32, 18)  # pixels; what cuts are told by
_CUT = 0.12  # mean change of the thumbnail from one frame to the next, of the range; motion stays below half
_FLAT = 0.02  # deviation of a thumbnail, of the range, below which a frame is no reference: fades, black


class Steady:
    """Calls ``stylizer`` frame by frame, in order, with statistics that move slowly."""

    def __init__(self, stylizer: Stylizer) -> None:
        self.stylizer = stylizer
        self._look: Look | None = None
        self._thumbnail: NDArray[np.float32] | None = None
        self._target: Statistics | None = None
        self._current: Statistics | None = None
        self._age = 0  # frames since the target was measured

    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """As the stylizer: ``uint8`` ``(H, W, 3)`` RGB in and out. Its look may change in between."""
        look = self.stylizer.look
        statistics = self._follow(frame, look)
        return self.stylizer(frame, look if statistics is None else look.frozen(statistics))

    def _follow(self, frame: NDArray[np.uint8], look: Look) -> Statistics | None:
        """The statistics for this frame; None, for its own, while there has been none to measure."""
        small = cv2.resize(frame, _THUMBNAIL, interpolation=cv2.INTER_AREA)
        thumbnail: NDArray[np.float32] = small.astype(np.float32) / np.float32(255)
        before, self._thumbnail = self._thumbnail, thumbnail
        # Statistics belong to the styles they were measured with.
        new_look = self._look is None or look.parameters is not self._look.parameters
        cut = before is not None and float(np.abs(thumbnail - before).mean()) > _CUT
        self._look = look
        self._age += 1
        if new_look or cut:
            self._target = self._current = None
        if thumbnail.std(axis=(0, 1)).max() < _FLAT:
            return self._current
        if self._target is None or self._age >= _MEASURE_EVERY:
            self._target, self._age = self.stylizer.measure(frame, look), 0
        if self._current is None:
            self._current = self._target
        else:
            self._current = Statistics(
                *(c + _FOLLOW * (t - c) for c, t in zip(self._current, self._target, strict=True))
            )
        return self._current
