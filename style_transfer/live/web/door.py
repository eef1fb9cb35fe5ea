"""How many may stand at the door, and how long without a word: nobody has shown a token there yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_PATIENCE = 10.0  # seconds until a connection must have asked for something
_PLACES = 64  # connections beside those of the viewers, for pages that are being fetched


class Door:
    """Makes the protocols of a server, and lets connections go that are too many or say nothing."""

    def __init__(self, serve: Callable[[], asyncio.Protocol], viewers: int) -> None:
        """``serve`` makes what answers a connection; each of the ``viewers`` may have several."""
        self._serve, self._most = serve, 4 * viewers + _PLACES
        self._open: dict[asyncio.BaseTransport, asyncio.TimerHandle] = {}

    def __call__(self) -> asyncio.Protocol:
        return _Guest(self, self._serve())

    def enter(self, transport: asyncio.Transport) -> bool:
        """False where there is no room, and the connection is at its end."""
        if len(self._open) >= self._most:
            transport.abort()
            return False
        timer = asyncio.get_running_loop().call_later(_PATIENCE, transport.abort)
        self._open[transport] = timer
        return True

    def heard(self, transport: asyncio.BaseTransport | None) -> None:
        """Its request is there."""
        if transport is not None and (timer := self._open.get(transport)):
            timer.cancel()

    def leave(self, transport: asyncio.BaseTransport | None) -> None:
        if transport is not None and (timer := self._open.pop(transport, None)):
            timer.cancel()


class _Guest(asyncio.Protocol):
    """Hands on to the protocol that answers what happens to a connection that was let in."""

    def __init__(self, door: Door, inner: asyncio.Protocol) -> None:
        self._door, self._inner = door, inner
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self._door.enter(transport):
            self._transport = transport
            self._inner.connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport is not None:
            self._door.leave(self._transport)
            self._inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if self._transport is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._transport is not None else None

    def pause_writing(self) -> None:
        if self._transport is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._transport is not None:
            self._inner.resume_writing()
