"""How a picture moves into the next: optical flow, and where it can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from style_transfer.media.pixels import Pixels

#: ``(H, W, 2)`` float32: how far right and down each pixel of one frame lies in the next.
Flow: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Motion:
    """``flow`` from a frame to the next, and the pixels ``(H, W)`` of the first that are seen in both."""

    flow: Flow
    seen: Mask

    def error(self, before: NDArray[np.float32], after: NDArray[np.float32]) -> float | None:
        """Mean squared difference of two frames ``(H, W, 3)`` in 0..1, the second moved back onto the first.

        Over the pixels that are seen in both; None without any. Lai et al. 2018, equation 10.
        """
        if not self.seen.any():
            return None
        difference = sample(after, self.flow) - before
        return float(np.square(difference[self.seen]).mean(dtype=np.float64))


def sample(frame: NDArray[np.float32], flow: Flow) -> NDArray[np.float32]:
    """``frame`` ``(H, W[, C])`` where ``flow`` points: bicubic, which softens least; outside, the edge."""
    x, y = _positions(flow)
    return np.asarray(cv2.remap(frame, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32)


def inside(flow: Flow) -> Mask:
    """The pixels that ``flow`` leaves within the frame."""
    x, y = _positions(flow)
    height, width = flow.shape[:2]
    found: Mask = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return found


def estimated_motion(before: Pixels, after: Pixels) -> Motion:
    """By OpenCV's DIS (Kroeger et al. 2016), both ways.

    Seen in both frames is what the way there and back leads home: ``|w + ŵ|² ≤ 0.01 (|w|² + |ŵ|²) + 0.5``
    (Sundaram et al. 2010, equation 5; Ruder et al. 2016), and is of about one colour in both; nothing, where
    little is: in a flat frame nothing moves, and at a cut to or from one nearly every way leads home.
    """
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, after)]
    if min(grey[0].shape) < _SMALLEST:  # too small to be followed: taken to stand still
        flow = np.zeros((*grey[0].shape, 2), np.float32)
        return Motion(flow, np.ones(flow.shape[:2], np.bool_))
    dis: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    there: Flow = np.asarray(dis.calc(grey[0], grey[1], None), np.float32)
    back: Flow = np.asarray(dis.calc(grey[1], grey[0], None), np.float32)
    x, y = _positions(there)
    home = np.asarray(cv2.remap(back, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    astray = np.square(there + home).sum(2)
    length = np.square(there).sum(2) + np.square(home).sum(2)
    leads_home = (astray <= 0.01 * length + 0.5) & inside(there)
    first, second = (frame.astype(np.float32) / np.float32(255) for frame in (before, after))
    seen = leads_home & (np.abs(sample(second, there) - first).mean(2) < _SAME)
    if seen.sum() < _MOSTLY_SAME * leads_home.sum():
        seen[:] = False
    return Motion(there, seen)


_SMALLEST = 32  # pixels
_SAME = 0.15  # of the range: light that changes within a scene stays below
_MOSTLY_SAME = 0.75  # of what leads home: at cuts to flat frames at most 0.7 was, within scenes nearly all


def _positions(flow: Flow) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    height, width = flow.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x + flow[..., 0], y + flow[..., 1]
