"""Measuring what a person sees."""

from __future__ import annotations

import statistics
from collections import deque

_WINDOW = 2.0  # seconds


class Meter:
    """Frame rate and latency over the last two seconds, and over all.

    Counted are frames that show something new, when they have been drawn; a picture drawn again is none.
    """

    def __init__(self) -> None:
        self._recent: deque[tuple[float, float]] = deque()
        self._latencies: deque[float] = deque(maxlen=100_000)
        self._first = self._last = 0.0
        self.frames = 0

    def add(self, captured: float, shown: float) -> None:
        """A frame captured at the first time was drawn at the second, both in seconds of one clock."""
        if not self.frames:
            self._first = shown
        self._last = shown
        self.frames += 1
        self._recent.append((shown, shown - captured))
        self._latencies.append(shown - captured)
        self._forget(shown)

    def fps(self, now: float) -> float:
        """New frames a second; falls to 0 when none come."""
        self._forget(now)
        if len(self._recent) < 2:
            return 0.0
        first, last = self._recent[0][0], self._recent[-1][0]
        # Between frames as usual, but no longer than the silence since the last one warrants.
        mean = (last - first) / (len(self._recent) - 1)
        span = (last - first) if now - last <= 2 * mean else now - first
        return (len(self._recent) - 1) / span if span > 0 else 0.0

    def latency(self, now: float) -> float:
        """Seconds from capture to display, the median; 0 when there are no frames."""
        self._forget(now)
        return statistics.median(age for _, age in self._recent) if self._recent else 0.0

    def summary(self) -> str:
        """One line on the whole session."""
        if self.frames < 2 or self._last <= self._first:
            return f"{self.frames} frames"
        rate = (self.frames - 1) / (self._last - self._first)
        cuts = statistics.quantiles(self._latencies, n=20)
        return (
            f"{self.frames} frames in {self._last - self._first:.0f} s: {rate:.1f} a second,"
            f" latency {1000 * cuts[9]:.0f} ms (95 % under {1000 * cuts[18]:.0f} ms)"
        )

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0][0] < now - _WINDOW:
            self._recent.popleft()
