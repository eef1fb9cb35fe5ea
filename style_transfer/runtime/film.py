"""Frames of a film, painted one after another: styles that change over time, and nothing that flickers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from style_transfer.errors import UserError
from style_transfer.runtime.look import Look, blend
from style_transfer.runtime.scaled import paint_scaled, shrunk_to
from style_transfer.runtime.stabilize import Stabilizer
from style_transfer.runtime.steady import Steady
from style_transfer.runtime.stylizer import Stylizer


@dataclass(frozen=True)
class Timeline:
    """Looks that begin at ``times``, in seconds, each faded into over the first ``transition`` seconds.

    The first look holds from the beginning. Where the next one begins sooner, a fade is that much shorter.
    """

    looks: Sequence[Look]
    times: Sequence[Fraction] = (Fraction(0),)
    transition: Fraction = Fraction(0)

    def index(self, seconds: Fraction) -> int:
        """Which look has begun last."""
        return max(0, bisect_right(self.times, seconds) - 1)

    def at(self, seconds: Fraction) -> tuple[list[Look], float]:
        """The look at a time and 0; within a fade both looks and the share, 0..1, of the second."""
        index = self.index(seconds)
        later = self.times[index + 1 : index + 2]
        fade = min([self.transition, *(time - self.times[index] for time in later)])
        since = seconds - self.times[index]
        if index == 0 or since >= fade:
            return [self.looks[index]], 0.0
        return [self.looks[index - 1], self.looks[index]], float(since / fade)


class Film:
    """Paints the frames of one film, in order.

    Args:
        timeline: what to paint with, and when.
        steady: statistics follow the film slowly; False: each frame's own.
        stabilize: how much of what was painted before is kept where it only moved, 0..1; 0 is nothing.
        paint_size: paint larger frames at this longer side, in pixels, and enlarge the painting.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        timeline: Timeline,
        *,
        steady: bool = True,
        stabilize: float = 0.0,
        paint_size: int | None = None,
    ) -> None:
        self._stylizer, self._timeline, self._paint_size = stylizer, timeline, paint_size
        self._steady = Steady(stylizer) if steady else None
        self._stabilizer = Stabilizer(stabilize) if stabilize else None
        self._shown: int | None = None  # which look of the timeline was painted, None within a fade

    def __call__(self, frame: NDArray[np.uint8], seconds: Fraction) -> NDArray[np.uint8]:
        """``uint8`` ``(H, W, 3)`` RGB → the same, painted; ``seconds`` is its time on the timeline."""
        small = shrunk_to(frame, self._paint_size)
        painted = paint_scaled(self._stylizer, frame, small, self._look(small, seconds))
        return painted if self._stabilizer is None else self._stabilizer(frame, painted)

    def skip(self, frame: NDArray[np.uint8], seconds: Fraction, painted: NDArray[np.uint8]) -> None:
        """As if ``frame`` had just been painted, with the result it had before: ``painted``."""
        self._look(shrunk_to(frame, self._paint_size), seconds)
        if self._stabilizer is not None:
            self._stabilizer.keep(frame, painted)

    def warm_up(self, height: int, width: int) -> None:
        """Let the engine settle for a size.

        Its first frames may run another way than those that follow, and differ in a last bit: a film that
        goes on in another process must not show where.
        """
        frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        frame = shrunk_to(frame, self._paint_size)
        look = self._timeline.looks[0]
        for settled in (look, look.frozen(self._stylizer.measure(frame, look))):
            for _ in range(2):
                self._stylizer(frame, settled)

    def _look(self, frame: NDArray[np.uint8], seconds: Fraction) -> Look:
        looks, share = self._timeline.at(seconds)
        before, self._shown = self._shown, self._timeline.index(seconds) if len(looks) == 1 else None
        if self._stabilizer is not None and None not in (before, self._shown) and before != self._shown:
            self._stabilizer.forget()  # where a style changes at once, nothing of the former lingers
        if self._steady is not None:
            return self._steady.follow(frame, looks, share, seconds=float(seconds))
        return looks[0] if len(looks) == 1 else blend(looks[0], looks[1], share)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """All that the frames so far left behind, for :meth:`restore` in another process."""
        state = {} if self._steady is None else self._steady.state()
        if self._shown is not None:
            state["shown"] = np.array(self._shown)
        return state if self._stabilizer is None else state | self._stabilizer.state()

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on exactly where ``state`` was taken. Raises ``UserError`` for what is no such state."""
        try:
            self._shown = int(state["shown"]) if "shown" in state else None
            if self._steady is not None:
                self._steady.restore(state)
            if self._stabilizer is not None:
                self._stabilizer.restore(state)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise UserError(f"the state kept of the film is damaged ({error!r}); begin anew") from error
