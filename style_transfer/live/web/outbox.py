"""What is to be sent to one page."""

from __future__ import annotations

import asyncio
from collections import deque

_TEXTS = 16


class Outbox:
    """Holds the newest painting, the newest thumbnail of each style, and the last few words.

    However slowly it is emptied, it cannot grow.
    """

    def __init__(self) -> None:
        self._painting: bytes | None = None
        self._thumbnails: dict[int, bytes] = {}
        self._texts: deque[str] = deque(maxlen=_TEXTS)
        self._filled = asyncio.Event()
        self._closed = False

    def put_picture(self, message: bytes, thumbnail_of: int | None = None) -> None:
        if thumbnail_of is None:
            self._painting = message
        else:
            self._thumbnails[thumbnail_of] = message
        self._filled.set()

    def put_text(self, text: str) -> None:
        self._texts.append(text)
        self._filled.set()

    def close(self) -> None:
        """There is nobody left to send to."""
        self._closed = True
        self._filled.set()

    async def take(self) -> bytes | str | None:
        """What goes next, waited for: words first, then the painting, then thumbnails; None once closed."""
        await self._filled.wait()
        if self._closed:
            return None
        message: bytes | str
        if self._texts:
            message = self._texts.popleft()
        elif self._painting is not None:
            message, self._painting = self._painting, None
        else:
            message = self._thumbnails.pop(next(iter(self._thumbnails)))
        if not (self._texts or self._painting or self._thumbnails):
            self._filled.clear()
        return message
