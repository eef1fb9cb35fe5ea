"""The page's server around a tiny model, and viewers of all kinds."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import socket
import struct
import time
from collections.abc import AsyncIterator

import numpy as np
from aiohttp import ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestClient, TestServer

from style_transfer.live.controls import Scene
from style_transfer.live.web import protocol
from style_transfer.live.web.frames import decode, encode
from style_transfer.live.web.server import Page
from style_transfer.live.web.settings import Settings
from style_transfer.live.web.studio import Studio
from style_transfer.media.pixels import Pixels
from style_transfer.runtime.stylizer import Stylizer

WAIT = 60.0  # seconds; a busy machine is no reason to fail


class Guest:
    """A browser, as far as the server can tell."""

    def __init__(self, socket: ClientWebSocketResponse, welcome: dict[str, object]) -> None:
        self.socket, self.welcome = socket, welcome

    async def say(self, **message: object) -> None:
        await self.socket.send_str(json.dumps(message))

    async def look(self, styles: dict[str, float], strength: float = 1.0, keep: bool = False) -> None:
        await self.say(type="look", styles=styles, strength=strength, preserve_color=keep)

    async def show(self, number: int, jpeg: bytes) -> None:
        await self.socket.send_bytes(protocol.NUMBER.pack(number) + jpeg)

    async def next(self, kind: int | str) -> tuple[int, int, Pixels] | dict[str, object]:
        """The next message of that kind: style, number and picture, or what the JSON says."""
        while True:
            message = await asyncio.wait_for(self.socket.receive(), WAIT)
            if message.type is WSMsgType.BINARY:
                got, style, _, _, number = protocol.HEADER.unpack_from(message.data)
                if got == kind:
                    return style, number, decode(message.data[protocol.HEADER.size :])
            elif message.type is WSMsgType.TEXT:
                said = json.loads(message.data)
                if said["type"] == kind:
                    return said
            else:
                raise ConnectionError(f"closed with {self.socket.close_code}")

    async def painting(self) -> tuple[int, Pixels]:
        """Number and picture of the next painting."""
        found = await self.next(protocol.FRAME)
        assert isinstance(found, tuple)
        return found[1], found[2]

    async def closed(self) -> int | None:
        """The code that the server closes with."""
        with contextlib.suppress(ConnectionError):
            await self.next("nothing")
        return self.socket.close_code


class Reception:
    """Lets guests in."""

    def __init__(self, client: TestClient, page: Page, studio: Studio) -> None:
        self.client, self.page, self.studio = client, page, studio
        self.origin = str(client.make_url("")).rstrip("/")

    async def guest(self) -> Guest:
        socket = await self.client.ws_connect("/ws", origin=self.origin, max_msg_size=0)
        welcome = await asyncio.wait_for(socket.receive_json(), WAIT)
        return Guest(socket, welcome)

    async def emptied(self, left: int = 0) -> None:
        """Once no more than ``left`` viewers are there."""
        end = time.monotonic() + WAIT
        while len(self.page.viewers) > left:
            assert time.monotonic() < end, "they do not go"
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def reception(
    stylizer: Stylizer, *, camera: object = None, painting: bool = True, **settings: object
) -> AsyncIterator[Reception]:
    """A server; with ``painting=False`` its studio's thread is still to be started."""
    studio = Studio(stylizer)
    first = tuple(float(n == 0) for n in range(len(stylizer.model.styles)))
    page = Page(studio, Settings(**settings), Scene(first), camera=camera)  # type: ignore[arg-type]
    if painting:
        studio.start()
    try:
        async with TestClient(TestServer(page.app())) as client:
            yield Reception(client, page, studio)
    finally:
        studio.close()


def jpeg(pixels: Pixels) -> bytes:
    return encode(pixels, quality=95)


def near(sent: Pixels, painting: Pixels) -> bool:
    """``sent`` is ``painting`` after its way through a JPEG."""
    expected = decode(encode(painting))
    return sent.shape == expected.shape and float(np.abs(sent.astype(float) - expected).mean()) < 1


class RawGuest:
    """Speaks WebSocket by hand, so as to do what no browser does."""

    def __init__(self, reception: Reception) -> None:
        port = reception.client.port
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(WAIT)
        self.socket.connect(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /ws HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Origin: {reception.origin}",
            "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}", "", "",
        ]  # fmt: skip
        self.socket.sendall("\r\n".join(lines).encode())
        assert b" 101 " in self.socket.recv(100)

    @classmethod
    async def enter(cls, reception: Reception) -> RawGuest:
        return await asyncio.to_thread(cls, reception)

    @staticmethod
    def message(data: bytes) -> bytes:
        """A binary message, masked with zeros."""
        length = (
            struct.pack(">BH", 0xFE, len(data)) if len(data) < 65536 else struct.pack(">BQ", 0xFF, len(data))
        )
        return b"\x82" + length + b"\0\0\0\0" + data
