"""Choosing the resolution a network works at, so that a frame rate holds."""

from __future__ import annotations

import statistics
from collections import deque

SCALES = (1.0, 0.85, 0.72, 0.6, 0.5, 0.42, 0.35, 0.3, 0.25)
"""Steps of both sides; each takes about 0.7 of the time of the one before."""

_SHARE = 0.92  # of a frame's time that painting may take
_ROOM = 0.75  # of a frame's time that a higher step may be expected to take
_WINDOW = 12  # frames judged together: one slow frame changes nothing
_SHORT_WINDOW, _LONG = 3, 1.0  # frames that do once they took so many seconds: much too slow is soon clear
_SETTLING = 3  # frames after a change that say little: the engine gets used to the size
_PATIENCE = 3.0  # seconds without trouble before a step up
_MOST_PATIENCE = 120.0  # what it doubles to where steps up prove too much
_REGRET = 10.0  # seconds: a step down so soon after one up takes the step up back


class Adapter:
    """Says at which share of a frame's sides to paint.

    Too slow, it goes down at once to the step that by area should fit; with room to spare it goes up one
    step at a time. Where a step up has to be taken back, the next try waits twice as long: the picture does
    not pump.

    Args:
        target_fps: the frame rate to hold.
    """

    def __init__(self, target_fps: float) -> None:
        self.budget = 1 / target_fps  #: seconds a frame
        self._step = 0
        self._lowest = len(SCALES) - 1
        self._recent: deque[float] = deque(maxlen=_WINDOW)
        self._skip = _SETTLING
        self._patience = _PATIENCE
        self._calm_since: float | None = None
        self._raised_at = float("-inf")

    @property
    def scale(self) -> float:
        """Of width and height, 0..1."""
        return SCALES[self._step]

    def start(self, seconds: float, least: float = 0.0) -> None:
        """Begin at the step that suits a network which took ``seconds`` for a full frame.

        No step below the scale ``least`` will be taken.
        """
        self._lowest = max(n for n, scale in enumerate(SCALES) if scale >= min(least, 1))
        self._step = self._fitting(seconds)
        self._clear()

    def observe(self, seconds: float, now: float) -> None:
        """Painting a frame at :attr:`scale` took ``seconds``, and ended at ``now``."""
        if self._skip:
            self._skip -= 1
            return
        self._recent.append(seconds)
        enough = len(self._recent) == _WINDOW
        if not enough and not (len(self._recent) >= _SHORT_WINDOW and sum(self._recent) > _LONG):
            return
        typical = statistics.median(self._recent)
        full = typical / self.scale**2
        if typical > _SHARE * self.budget:
            self._lower(full, now)
        elif self._step > 0 and full * SCALES[self._step - 1] ** 2 < _ROOM * self.budget:
            self._wait_and_raise(now)
        else:
            self._calm_since = None

    def _lower(self, full: float, now: float) -> None:
        self._calm_since = None
        if self._step == self._lowest:
            return
        if now - self._raised_at < _REGRET:
            self._patience = min(2 * self._patience, _MOST_PATIENCE)
        self._step = min(self._lowest, max(self._step + 1, self._fitting(full)))
        self._clear()

    def _wait_and_raise(self, now: float) -> None:
        if self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= self._patience:
            if now - self._raised_at > 4 * _MOST_PATIENCE:
                self._patience = _PATIENCE  # long ago: the machine may be another by now
            self._step -= 1
            self._raised_at = now
            self._clear()

    def _fitting(self, full: float) -> int:
        """The first step at which a frame that takes ``full`` seconds at full size has room."""
        fitting = (n for n, scale in enumerate(SCALES) if full * scale**2 <= _SHARE * self.budget)
        return min(self._lowest, next(fitting, self._lowest))

    def _clear(self) -> None:
        self._recent.clear()
        self._skip = _SETTLING
        self._calm_since = None
