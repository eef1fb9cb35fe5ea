"""Where the page is served, to whom, and what of it is refused at once."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from style_transfer.errors import InputFileError, UserError

_LEAST_TOKEN = 12  # characters; fewer can be guessed
_MOST_CLIENTS = 1000


@dataclass(frozen=True)
class Settings:
    """What ``--serve`` was asked for; :meth:`check` says what of it cannot be.

    ``token`` is the word without which nobody gets in; None lets in whoever reaches this machine itself.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    token: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    max_clients: int = 8

    @property
    def local(self) -> bool:
        """Only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def check(self) -> None:
        """Raises ``UserError`` for settings that cannot be, or that would let strangers in."""
        if not 0 <= self.port <= 65535:
            raise UserError(f"--port must be between 0 and 65535, not {self.port}")
        if not 1 <= self.max_clients <= _MOST_CLIENTS:
            raise UserError(f"--max-clients must be between 1 and {_MOST_CLIENTS}, not {self.max_clients}")
        if not self.local and self.token is None:
            raise UserError(
                f"--host {self.host} lets the whole network in; add a secret word:"
                f" --token {secrets.token_urlsafe(12)}"
            )
        if self.token is not None and not (
            len(self.token) >= _LEAST_TOKEN and self.token.isascii() and self.token.isprintable()
        ):
            raise UserError(
                f"--token must have {_LEAST_TOKEN} or more plain letters and digits, such as"
                f" {secrets.token_urlsafe(12)}"
            )
        if self.tls_key and not self.tls_cert:
            raise UserError("--tls-key needs --tls-cert FILE beside it")

    def tls(self) -> ssl.SSLContext | None:
        """The certificate, or None without one. Raises ``UserError`` where its files are of no use."""
        if self.tls_cert is None:
            return None
        for name, file in (("--tls-cert", self.tls_cert), ("--tls-key", self.tls_key)):
            if file is not None and not Path(file).is_file():
                raise InputFileError(f"there is no file '{file}'; {name} takes one in PEM format")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.tls_cert, self.tls_key, password=_no_password)
        except (OSError, ValueError) as error:  # SSLError is an OSError
            raise InputFileError(
                f"'{self.tls_cert}' cannot be used with its key ({getattr(error, 'reason', None) or error});"
                " --tls-cert and --tls-key take a certificate and its key, PEM, without a password"
            ) from error
        return context

    def listen(self) -> socket.socket:
        """A socket at host and port. Raises ``UserError`` where that cannot be had."""
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listening = socket.socket(family, kind, protocol)
        except OSError as error:
            raise UserError(f"--host {self.host} is no address of this machine") from error
        try:
            if not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows would share the port with others
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(64)
        except OSError as error:
            listening.close()
            raise UserError(
                f"cannot listen at {self.host} port {self.port}: {error.strerror or error};"
                " try another with --port"
            ) from error
        return listening

    def url(self, port: int) -> str:
        """What to open in a browser if the server listens at ``port``; with the token, if there is one."""
        scheme = "https" if self.tls_cert else "http"
        host = self.host
        if host in ("0.0.0.0", "::"):
            host = socket.gethostname()
        if ":" in host:
            host = f"[{host}]"
        query = f"?token={quote(self.token, safe='')}" if self.token else ""
        return f"{scheme}://{host}:{port}/{query}"


def _no_password() -> str:
    raise ValueError("it has a password")
