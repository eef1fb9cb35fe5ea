"""One browser at the other end of a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from style_transfer.errors import UserError
from style_transfer.live.controls import Scene
from style_transfer.live.web import protocol
from style_transfer.live.web.frames import MAX_PIXELS
from style_transfer.live.web.outbox import Outbox
from style_transfer.live.web.seat import Allowance, Frame, Seat
from style_transfer.live.web.studio import Studio
from style_transfer.media.pixels import Pixels

_MESSAGES = (120.0, 240.0)  # a second, and at once
_BYTES = (24e6, 48e6)
_STRIKES = 5  # messages that make no sense
_STALLED = 10.0  # seconds that a message may take to be read at the other end,
_SLOWEST = 16e3  # and one for so many bytes of it
_IDLE = 600.0  # seconds without a word
_UNSEEN = 2  # frames of the server's camera under way, at most
_RUBBISH = 1008, b"it was sent too much that made no sense"
_FLOOD = 1013, b"it was sent too much at once"  # "try again later": so does a line that stalled
_SILENCE = 1000, b"nothing came for a long time"
_log = logging.getLogger("style_transfer")


class Viewer:
    """Reads what a page sends into its seat, and sends it what comes back.

    Between the two there is nothing that could pile up: the seat holds one frame, the outbox one painting.
    Whoever sends too much, sends rubbish, or does not read is disconnected.
    """

    def __init__(self, studio: Studio, scene: Scene) -> None:
        self._studio = studio
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox()
        self._messages, self._bytes = Allowance(*_MESSAGES), Allowance(*_BYTES)
        self._strikes = 0
        self._last_words = _SILENCE
        self._shown = self._seen = 0  # numbers of the frames of the server's camera
        self._ending: asyncio.Future[bool] | None = None  # held, or it might be collected before it is done
        self._socket: web.WebSocketResponse | None = None
        self.seat = Seat(
            scene,
            len(studio.stylizer.model.styles),
            deliver=self._from_studio(self._outbox.put_picture),
            refuse=self._from_studio(self._strike),
            tell=self._from_studio(self._tell),
        )

    async def run(self, request: web.Request, source: str) -> web.WebSocketResponse:
        """Serve the page behind ``request`` until it goes, or has to."""
        socket = web.WebSocketResponse(
            max_msg_size=protocol.MAX_BYTES,
            heartbeat=20.0,
            timeout=2.0,
            receive_timeout=_IDLE,
            compress=False,
        )
        self._socket = socket
        await socket.prepare(request)
        self._outbox.put_text(self._welcome(source))
        self._studio.join(self.seat)
        writer = asyncio.create_task(self._write(request, socket))
        try:
            with contextlib.suppress(asyncio.TimeoutError):
                async for message in socket:
                    if not self._take(message):
                        break
        finally:
            self._studio.leave(self.seat)
            self._outbox.close()  # before Python 3.12 wait_for may lose the cancellation
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
            await _close(request, socket, self._last_words)
        return socket

    def show(self, shot: Pixels, time: float) -> None:
        """A shot of the server's camera, uint8 RGB HWC, unless the page is still busy with the last ones."""
        if self.seat.frame is None:  # else this shot takes the place of one that was not painted yet
            if self._shown - self._seen >= _UNSEEN:
                return
            self._shown += 1
        self._studio.put(self.seat, Frame(self._shown, shot, time, shared=True))

    async def go_away(self) -> None:
        """The server ends."""
        if self._socket is not None and not self._socket.closed:
            await self._socket.close(code=1001, message=b"the server has ended")

    # -- from the page -------------------------------------------------------------------------------

    def _take(self, message: WSMessage) -> bool:
        """Obey ``message``; False to end."""
        now = time.perf_counter()
        data = message.data
        size = len(data) if isinstance(data, bytes | str) else 0
        if not (self._messages.spend(1, now) and self._bytes.spend(size, now)):
            self._last_words = _FLOOD
            self._tell("too many messages")
            return False
        try:
            if message.type is WSMsgType.BINARY:
                number, picture = protocol.parse_frame(data)
                self._studio.put(self.seat, Frame(number, picture, now))
            elif message.type is WSMsgType.TEXT:
                self._obey(protocol.parse_request(data))
        except UserError as error:
            self._strike(str(error))
        return self._strikes < _STRIKES

    def _obey(self, request: protocol.Request) -> None:
        match request:
            case protocol.LookWanted():
                self.seat.scene = self._studio.scene(request)
            case protocol.SourceShown():
                self.seat.photo = request.photo
            case protocol.ThumbnailsWanted():
                self.seat.thumbnails_from = request.first
            case protocol.Got():
                self._seen = min(self._shown, max(self._seen, request.id))
            case protocol.Ping():
                self._outbox.put_text(json.dumps({"type": "pong", "time": request.time}))

    # -- to the page ---------------------------------------------------------------------------------

    def _welcome(self, source: str) -> str:
        styles = [
            {"name": s.name, "title": s.title or s.name.replace("_", " "), "artist": s.artist, "year": s.year}
            for s in self._studio.stylizer.model.styles
        ]
        scene = self.seat.scene
        look = {
            "styles": dict(zip((s["name"] for s in styles), scene.weights, strict=True)),
            "strength": scene.strength,
            "preserve_color": scene.preserve_color,
        }
        most = {"max_pixels": MAX_PIXELS, "max_bytes": protocol.MAX_PICTURE}
        return json.dumps({"type": "welcome", "styles": styles, "look": look, "source": source, **most})

    async def _write(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        try:
            while (message := await self._outbox.take()) is not None:
                sending = socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message)
                await asyncio.wait_for(sending, _STALLED + len(message) / _SLOWEST)
            return
        except TimeoutError:
            _log.debug("a page does not read")
        except (ConnectionError, RuntimeError):  # gone already
            pass
        # Without a writer there is no point in reading: this ends the loop over the socket.
        if request.transport is not None:
            request.transport.abort()

    def _strike(self, line: str) -> None:
        self._strikes += 1
        self._tell(line)
        if self._strikes < _STRIKES:
            return
        self._last_words = code, message = _RUBBISH
        if self._socket is not None and not self._socket.closed:
            self._ending = asyncio.ensure_future(self._socket.close(code=code, message=message))

    def _tell(self, line: str) -> None:
        self._outbox.put_text(json.dumps({"type": "error", "message": line}))

    def _from_studio(self, call: Callable[..., Any]) -> Callable[..., None]:
        """``call``, made from the studio's thread, done in the loop's."""

        def hand_over(*arguments: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(call, *arguments)

        return hand_over


async def _close(request: web.Request, socket: web.WebSocketResponse, words: tuple[int, bytes]) -> None:
    """Politely, but not for long."""
    try:
        await asyncio.wait_for(socket.close(code=words[0], message=words[1]), 3.0)
    except (TimeoutError, ConnectionError):
        if request.transport is not None:
            request.transport.abort()
