"""Who gets in, and what every answer says to the browser."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from urllib.parse import SplitResult, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from style_transfer.live.web.settings import Settings

_LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}
_FAILURE_PAUSE = 0.5  # seconds: guessing is slow

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:;"
        " img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Server": "style-transfer",  # and no versions
}

_SIGN = """<!doctype html><meta charset="utf-8"><title>style-transfer</title>
<meta name="viewport" content="width=device-width">
<p>This page needs its token: open the address that you were given, with <code>?token=</code> at its end.
"""


class Guard:
    """Lets in those who came by the right name and, if one is asked for, with the right token.

    - At a loopback address the request must name that address: a stranger's web site whose name is made to
      point here (DNS rebinding) is refused.
    - A WebSocket must come from this very page: its ``Origin`` is the host it asks for.
    - The token is taken once, from the address, and from then on a cookie shows that it was right. The cookie
      is another secret, of this run alone, which no script can read.
    """

    def __init__(self, settings: Settings, *, secure: bool) -> None:
        self._local = settings.local
        self._names = _LOCAL_NAMES | {settings.host.lower()}
        self._token = settings.token
        self._secure = secure
        self._pass = secrets.token_urlsafe(32)
        self._cookie = f"style-transfer-{settings.port}"  # cookies are shared by all ports of a host

    def middleware(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            refusal = self._refusal_of_name(request)
            if refusal is not None:
                return refusal
            if self._token is not None and not self._has_pass(request):
                return await self._take_token(request, self._token)
            return await handler(request)

        return guard

    async def add_headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        """For ``on_response_prepare``: errors get them too."""
        if not isinstance(response, web.WebSocketResponse):
            response.headers.update(HEADERS)

    def _refusal_of_name(self, request: web.Request) -> web.Response | None:
        host = request.headers.get("Host", "").lower()
        if self._local and _parts(f"//{host}").hostname not in self._names:
            return web.Response(status=403, text="this server answers to the name localhost only\n")
        origin = request.headers.get("Origin")
        asks_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        if origin is None and not asks_socket:
            return None
        if origin is None or not host or _parts(origin.lower()).netloc != host:
            return web.Response(status=403, text="only this server's own page may ask for this\n")
        return None

    def _has_pass(self, request: web.Request) -> bool:
        return _equal(request.cookies.get(self._cookie, ""), self._pass)

    async def _take_token(self, request: web.Request, token: str) -> web.Response:
        given = request.query.get("token")
        if given is None or request.path != "/" or not _equal(given, token):
            if given is not None:
                await asyncio.sleep(_FAILURE_PAUSE)
            return web.Response(status=401, text=_SIGN, content_type="text/html")
        # The address without the token is what stays in the browser's history.
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(
            self._cookie, self._pass, httponly=True, samesite="Lax", secure=self._secure, path="/"
        )
        return response


def _equal(given: str, right: str) -> bool:
    """In a time that says nothing about where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())


def _parts(address: str) -> SplitResult:
    """``//[::1]:8080`` → its host's name ``::1`` and place ``[::1]:8080``; of what is no address, nothing."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")
