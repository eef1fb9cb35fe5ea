"""A short queue between two threads that can be ended, and given up, from either side."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

# Waiting goes in steps, as on Windows Ctrl-C does not reach a thread that waits without end.
_STEP = 0.2


class Cancelled(Exception):  # noqa: N818 - like CancelledError it is control flow, not an error
    """The other side has given up; what it raised, if anything, tells why."""


class Channel(Generic[T]):
    """First in, first out, holding at most ``capacity`` in weight; iterating takes items until the end."""

    def __init__(self, capacity: float) -> None:
        self._capacity = capacity
        self._items: deque[tuple[T, float]] = deque()
        self._weight = 0.0
        self._ended = self._cancelled = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def put(self, item: T, weight: float = 1.0) -> None:
        """Wait for room and append. Raises ``Cancelled`` once the consumer has given up."""
        with self._changed:
            while self._items and self._weight + weight > self._capacity and not self._cancelled:
                self._changed.wait(_STEP)
            if self._cancelled:
                raise Cancelled
            self._items.append((item, weight))
            self._weight += weight
            self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more will come; ``error`` is raised to the consumer after the items before it."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def cancel(self) -> None:
        """Nothing more will be taken: drop what is there and release the producer."""
        with self._changed:
            self._cancelled = True
            self._items.clear()
            self._weight = 0.0
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                while not (self._items or self._ended or self._cancelled):
                    self._changed.wait(_STEP)
                if not self._items:
                    if self._error is not None:
                        raise self._error
                    return
                item, weight = self._items.popleft()
                self._weight -= weight
                self._changed.notify_all()
            yield item
            del item  # a frame is several megabytes: not held while waiting for the next
