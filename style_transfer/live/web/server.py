"""The web server: the page, its files, and a WebSocket for each viewer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from style_transfer.live.controls import Scene
from style_transfer.live.web.door import Door
from style_transfer.live.web.guard import Guard
from style_transfer.live.web.settings import Settings
from style_transfer.live.web.studio import Studio
from style_transfer.live.web.viewer import Viewer
from style_transfer.media.camera import Camera
from style_transfer.media.pixels import Pixels

_STATIC = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_TICK = 0.1  # seconds: how long Ctrl-C waits at most
_SEND_BUFFER = 256 << 10  # bytes that the system may hold for a page: more would only be old pictures
_HANDSHAKE = 10.0  # seconds that one of TLS may take
_FULL = 1013  # "try again later"

_server_log = logging.getLogger("aiohttp.server")


def _is_our_fault(record: logging.LogRecord) -> bool:
    """Not what anyone who reaches the port can send: it is answered, and would fill the terminal."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


class Page:
    """The page and its viewers.

    Args:
        studio: started and closed by the caller.
        settings: checked already.
        scene: the look each viewer begins with.
        camera: the server's own, shown to every viewer; None: each page sends its browser's.
        mirror: swap left and right of the server's camera.
    """

    def __init__(
        self,
        studio: Studio,
        settings: Settings,
        scene: Scene,
        *,
        camera: Camera | None = None,
        mirror: bool = False,
    ) -> None:
        self._studio, self._settings, self._scene = studio, settings, scene
        self._camera, self._mirror = camera, mirror
        self.viewers: set[Viewer] = set()
        self._door: Door | None = None
        self._files = {
            path.relative_to(_STATIC).as_posix(): path.read_bytes()
            for path in _STATIC.rglob("*")
            if path.suffix in _TYPES
        }

    def app(self, *, secure: bool = False) -> web.Application:
        guard = Guard(self._settings, secure=secure)
        app = web.Application(middlewares=[guard.middleware()], client_max_size=1024)
        app.on_response_prepare.append(guard.add_headers)
        app.on_response_prepare.append(self._hear)
        app.router.add_get("/", self._send_file)
        app.router.add_get("/ws", self._meet)
        app.router.add_get("/{name:[a-z_.-]+}", self._send_file)
        return app

    async def serve(
        self, listening: socket.socket, tls: ssl.SSLContext | None, stopped: Callable[[], bool]
    ) -> None:
        """Until ``stopped()``, or the end of the camera's file; then every viewer is told and let go."""
        _server_log.addFilter(_is_our_fault)
        runner = web.AppRunner(
            self.app(secure=tls is not None),
            access_log=None,
            keepalive_timeout=30.0,
            shutdown_timeout=2.0,
            handle_signals=False,
        )
        await runner.setup()
        assert runner.server is not None
        self._door = Door(runner.server, self._settings.max_clients)
        loop, handshake = asyncio.get_running_loop(), None if tls is None else _HANDSHAKE
        server = await loop.create_server(
            self._door, sock=listening, ssl=tls, ssl_handshake_timeout=handshake
        )
        try:
            while not (stopped() or await self._show_camera()):
                pass
        finally:
            server.close()
            await asyncio.gather(
                *(viewer.go_away() for viewer in tuple(self.viewers)), return_exceptions=True
            )
            await runner.cleanup()

    async def _hear(self, request: web.Request, _response: web.StreamResponse) -> None:
        if self._door is not None:
            self._door.heard(request.transport)

    async def _show_camera(self) -> bool:
        """Show everyone the camera's newest shot, or wait a moment; True when it has come to its end."""
        if self._camera is None:
            await asyncio.sleep(_TICK)
            return False
        shot = await asyncio.to_thread(self._camera.shots.take, _TICK)
        if shot is None:
            return self._camera.shots.ended
        pixels: Pixels = shot.pixels[:, ::-1].copy() if self._mirror else shot.pixels
        for viewer in self.viewers:
            viewer.show(pixels, shot.time)
        return False

    async def _send_file(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name") or "index.html"
        body = self._files.get(name)
        if body is None:
            raise web.HTTPNotFound
        return web.Response(body=body, content_type=_TYPES[Path(name).suffix], charset="utf-8")

    async def _meet(self, request: web.Request) -> web.StreamResponse:
        if not web.WebSocketResponse().can_prepare(request):
            raise web.HTTPUpgradeRequired(text="this address is for the page's WebSocket\n")
        if len(self.viewers) >= self._settings.max_clients:
            return await self._turn_away(request)
        _limit_buffer(request)
        viewer = Viewer(self._studio, self._scene)
        self.viewers.add(viewer)
        try:
            return await viewer.run(request, "browser" if self._camera is None else "server")
        finally:
            self.viewers.discard(viewer)

    async def _turn_away(self, request: web.Request) -> web.WebSocketResponse:
        full = web.WebSocketResponse(timeout=2.0)
        await full.prepare(request)
        await full.close(code=_FULL, message=f"all {self._settings.max_clients} places are taken".encode())
        return full


def _limit_buffer(request: web.Request) -> None:
    raw = request.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
