"""What was painted before, moved along with the picture, so that what only moves is painted as it was.

The flow is OpenCV's DIS (Kroeger et al. 2016, arXiv:1603.03590) between reduced frames of the input. Where
flow there and back disagree (Sundaram et al. 2010), or the moved input is not what is seen now, nothing is
kept: what comes into view is painted anew, and nothing ghosts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from style_transfer.errors import UserError

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

_FLOW_SIDE = 480  # pixels of the reduced frame's longer side
_LEAST_SIDE = 16
_MOST_KEPT = 0.95  # at full strength: a little is renewed always, or errors would stay for ever
_DISAGREEMENT = (0.6, 0.05)  # pixels between there and back, plus share of the motion, that count as none
_CHANGE = 10.0  # of 255, between the moved input and what is seen, that still counts as noise
_LEAST_KEPT = 0.5  # share of a frame that must be followed; below, it is another scene or guesswork
_DETAIL = (17, 17)  # pixels; what is smaller is detail
_MOST_GAIN = 1.5


class Stabilizer:
    """Call it frame by frame, in order, with each frame and its painting.

    Args:
        strength: 0..1, how much is kept of what was painted before; the higher, the stiller. Raises
            ``UserError`` outside.
    """

    def __init__(self, strength: float) -> None:
        if not 0 <= strength <= 1:
            raise UserError(f"--stabilize must be between 0 and 1, not {strength:g}")
        self._share = np.float32(strength * _MOST_KEPT)
        self._flow: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._seen: Pixels | None = None  # the previous frame, reduced
        # Its painting and those before it, moved and averaged; in floats, because steps of less than half a
        # level would never be taken.
        self._mean: Floats | None = None

    def __call__(self, frame: Pixels, painted: Pixels) -> Pixels:
        """``uint8`` ``(H, W, 3)`` RGB both, of one size → the painting, stilled."""
        seen, mean = self._seen, self._mean
        self._seen, self._mean = _reduced(frame), painted.astype(np.float32)
        if seen is None or mean is None or mean.shape != painted.shape:
            return painted
        flow, trust = self._follow(seen, self._seen)
        if trust.mean() < _LEAST_KEPT:
            return painted
        height, width = painted.shape[:2]
        trust = np.asarray(cv2.resize(trust, (width, height)), np.float32)
        kept = trust * self._share
        # Cubic: what is moved again with every frame would soon be soft with linear interpolation.
        moved = cv2.remap(
            mean, *_sources(flow, height, width), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        self._mean = np.asarray(cv2.blendLinear(moved, self._mean, kept, 1 - kept), np.float32)
        return _as_bold(self._mean, painted, trust)

    def _follow(self, before: Pixels, now: Pixels) -> tuple[Floats, Floats]:
        """Where each pixel of ``now`` was, relative to itself, and how far that can be trusted, 0..1."""
        first, second = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, now))
        back, forth = self._flow.calc(second, first, None), self._flow.calc(first, second, None)
        height, width = now.shape[:2]
        x, y = _sources(back, height, width)
        returned = cv2.remap(forth, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        gap = np.linalg.norm(back + returned, axis=2)
        allowed = _DISAGREEMENT[0] + _DISAGREEMENT[1] * np.linalg.norm(back, axis=2)
        moved = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        change = cv2.blur(cv2.absdiff(moved, now).astype(np.float32).mean(axis=2), (5, 5))
        trust = np.clip(2 - gap / allowed, 0, 1) * np.clip(2 - change / _CHANGE, 0, 1)
        trust *= (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        # Contours of what moves lie a little beside those of the flow.
        trust = cv2.erode(trust.astype(np.float32), np.ones((5, 5), np.uint8))
        return back, np.asarray(cv2.blur(trust, (3, 3)), np.float32)

    def keep(self, frame: Pixels, result: Pixels) -> None:
        """As if ``result`` had just come of ``frame``: nearly, as it was made as bold as a painting."""
        self._seen, self._mean = _reduced(frame), result.astype(np.float32)

    def forget(self) -> None:
        """Begin anew with the next frame, as at another style."""
        self._seen = self._mean = None

    def state(self) -> dict[str, NDArray[Any]]:
        """What :meth:`restore` goes on from, exactly."""
        kept = {"seen": self._seen, "mean": self._mean}
        return {name: value for name, value in kept.items() if value is not None}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where ``state`` was taken."""
        self._seen, self._mean = state.get("seen"), state.get("mean")


def _reduced(frame: Pixels) -> Pixels:
    """As large as flow is looked for in, and as DIS takes."""
    height, width = frame.shape[:2]
    scale = min(1.0, _FLOW_SIDE / max(height, width))
    size = (max(_LEAST_SIDE, round(width * scale)), max(_LEAST_SIDE, round(height * scale)))
    if size == (width, height):
        return frame
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def _sources(flow: Floats, height: int, width: int) -> tuple[Floats, Floats]:
    """The places that ``flow`` points to, for pixels of a picture of another size."""
    factors = (width / flow.shape[1], height / flow.shape[0])
    if flow.shape[:2] != (height, width):
        flow = np.asarray(cv2.resize(flow, (width, height)), np.float32)
    x, y = (flow[..., axis] * np.float32(factors[axis]) for axis in (0, 1))
    x += np.arange(width, dtype=np.float32)
    y += np.arange(height, dtype=np.float32)[:, None]
    return x, y


def _as_bold(mean: Floats, painted: Pixels, trust: Floats) -> Pixels:
    """``mean`` with detail as strong as in ``painted``: averaging leaves less of what was not quite the same.

    Only what is shown is made bolder; were it averaged again, it would grow.
    """
    detail, wanted = (
        np.asarray(cv2.subtract(picture, cv2.blur(picture, _DETAIL), dtype=cv2.CV_32F), np.float32)
        for picture in (mean, painted)
    )
    followed = trust > 0.5
    strengths = [float(np.square(part[::2, ::2][followed[::2, ::2]]).mean()) for part in (wanted, detail)]
    gain = min(max(strengths[0] / max(strengths[1], 1e-3), 1.0) ** 0.5, _MOST_GAIN)
    detail *= (trust * np.float32(gain - 1))[..., None]
    detail += mean
    return np.asarray(np.clip(np.rint(detail, out=detail), 0, 255), np.uint8)
