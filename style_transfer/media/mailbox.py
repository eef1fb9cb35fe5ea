"""Handing the newest item from one thread to another."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """One slot: a new item replaces one not yet taken, and each is taken once at most.

    Nothing can pile up in it, so whoever takes from it is never behind.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._closed = False

    def put(self, item: T) -> None:
        with self._changed:
            self._item = item
            self._changed.notify()

    def take(self, timeout: float) -> T | None:
        """The newest item, waited for up to ``timeout`` seconds; None if there is none."""
        with self._changed:
            if self._item is None and not self._closed:
                self._changed.wait(timeout)
            item, self._item = self._item, None
            return item

    def close(self) -> None:
        """No more items will come; one that lies there can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """Closed, and the last item taken."""
        with self._changed:
            return self._closed and self._item is None
