"""Fairness: who is served next."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Turns(Generic[T]):
    """Shares work among those who wait, however much each asks for.

    Next is who has been served the least (start-time fair queueing, Goyal, Vin and Cheng 1997). Being away
    saves nothing up: who comes back begins where the others are. Going away pays no debts either: whoever
    comes next takes over what those who left were ahead, so that coming and going gains nothing.
    """

    def __init__(self) -> None:
        self._served: dict[T, float] = {}
        self._now = 0.0  # how much who was chosen last had been served by then
        self._left = 0.0  # the most that anyone who left had been served

    def join(self, who: T) -> None:
        self._served[who] = max(self._now, self._left)

    def leave(self, who: T) -> None:
        self._left = max(self._left, self._served.pop(who, 0.0))

    def wait(self, who: T) -> None:
        """``who``, served long ago or just now, waits from here on."""
        if who in self._served:
            self._served[who] = max(self._served[who], self._now)

    def choose(self, waiting: Iterable[T]) -> T:
        """One of ``waiting``, which are one or more of those that joined."""
        chosen = min(waiting, key=self._served.__getitem__)
        self._now = self._served[chosen]
        return chosen

    def charge(self, who: T, work: float) -> None:
        """Serving ``who``, who may have left over it, was so much work."""
        if who in self._served:
            self._served[who] += work
        else:
            self._left = max(self._left, self._now) + work
