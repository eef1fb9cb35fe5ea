"""Finding and opening what OpenCV can capture from."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2

from style_transfer.errors import InputFileError, UnknownNameError, UserError

BACKENDS = ("auto", "v4l2", "gstreamer", "ffmpeg", "dshow", "msmf", "avfoundation")
"""Ways to a camera; which of them are there depends on the system and on how OpenCV was built."""

_MJPG_PIXELS = 640 * 480  # USB 2 has no room for more than this, uncompressed, at 30 frames a second
_PROBED = 4  # cameras looked for by number where the system has no list of them
_DEVICES = Path("/sys/class/video4linux")


class Capture(Protocol):
    """What is used of ``cv2.VideoCapture``."""

    def grab(self) -> bool: ...
    def retrieve(self) -> tuple[bool, Any]: ...
    def get(self, prop: int, /) -> float: ...
    def release(self) -> None: ...


@dataclass(frozen=True)
class Source:
    """Where frames come from, and what is asked of a camera; files and streams come as they are.

    ``name``     a camera's number, ``/dev/video2``, a file, or an address such as ``rtsp://...``.
    ``size``     width and height in pixels; None leaves it to the camera.
    ``fps``      frames a second; None leaves it to the camera.
    ``backend``  one of :data:`BACKENDS`.
    """

    name: str
    size: tuple[int, int] | None = None
    fps: float | None = None
    backend: str = "auto"

    def __str__(self) -> str:
        """The name, without the password an address may hold."""
        return re.sub(r"(://[^/:@]*):(?!\d+(/|$)).*@", r"\1:***@", self.name)

    @property
    def is_camera(self) -> bool:
        return self.name.isdecimal() or self.name.startswith("/dev/")

    @property
    def is_address(self) -> bool:
        return "://" in self.name

    def open(self) -> Capture:
        """Raises ``UserError`` where it cannot be opened, which for a camera lists those there are."""
        if self.backend not in BACKENDS:
            raise UnknownNameError("backend", self.backend, BACKENDS)
        if not (self.is_camera or self.is_address) and not Path(self.name).is_file():
            raise InputFileError(
                f"there is no file '{self.name}'; --list-sources shows the cameras there are"
            )
        capture = self.try_open()
        if capture is None:
            raise UserError(self._refusal())
        return capture

    def try_open(self) -> Capture | None:
        """As :meth:`open`, but None where it cannot be."""
        # Without this, Windows' default way to a camera takes up to a minute to open it.
        os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")
        address = int(self.name) if self.name.isdecimal() else self.name
        api = 0 if self.backend == "auto" else getattr(cv2, f"CAP_{self.backend.upper()}")
        options: list[int] = []
        if self.is_address and self.backend in ("auto", "ffmpeg"):
            api = cv2.CAP_FFMPEG
            options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 10_000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 5_000]
        with _quiet():
            capture = cv2.VideoCapture(address, api, options)
            if not capture.isOpened():
                return None
            if self.is_camera:
                self._set_up(capture)
            return capture
        return None  # OpenCV has no such number

    def _set_up(self, capture: Any) -> None:
        """Ask for what is wanted; a camera that cannot gives what is nearest."""
        if self.size:
            width, height = self.size
            if width * height > _MJPG_PIXELS:
                capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        if self.fps:
            capture.set(cv2.CAP_PROP_FPS, self.fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # where the driver allows it, no frame waits in it

    def _refusal(self) -> str:
        if not self.is_camera:
            what = "address" if self.is_address else "file"
            return f"cannot read video from '{self}'; check the {what}, or try another --backend"
        found = list_sources()
        listed = "; ".join(f"--source {name} ({about})" for name, about in found) or "none"
        hint = ""
        device = Path(f"/dev/video{self.name}" if self.name.isdecimal() else self.name)
        if device.exists() and not os.access(device, os.R_OK | os.W_OK):
            hint = f"; you may not use {device}: sudo usermod -aG video $USER, then log in again"
        elif sys.platform == "darwin":
            hint = "; allow this terminal in System Settings, Privacy & Security, Camera"
        elif sys.platform == "win32":
            hint = "; allow desktop apps in Settings, Privacy, Camera, and close what else uses it"
        return (
            f"camera '{self}' cannot be opened{hint}; cameras found: {listed};"
            " or play a file: --source clip.mp4"
        )


def list_sources() -> list[tuple[str, str]]:
    """The cameras that are there: what to give as ``--source``, and what it is."""
    if sys.platform == "linux":
        return _listed_by_kernel(_DEVICES)
    found = []
    for number in range(_PROBED):
        capture = Source(str(number)).try_open()
        if capture is not None:
            width, height = (
                round(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
            )
            capture.release()
            found.append((str(number), f"camera {number}, {width}x{height}"))
    return found


def _listed_by_kernel(devices: Path) -> list[tuple[str, str]]:
    """Without opening any, which would switch its light on."""
    found = []
    for device in sorted(devices.glob("video*"), key=lambda path: int(path.name[5:] or 0)):
        with contextlib.suppress(OSError):
            if (device / "index").read_text().strip() == "0":  # the others carry metadata, no pictures
                found.append((f"/dev/{device.name}", (device / "name").read_text().strip()))
    return found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV and FFmpeg from reporting at length what is reported in one line here."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "8")  # fatal errors only
    logging = cv2.utils.logging
    before = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    except cv2.error:
        pass
    finally:
        logging.setLogLevel(before)
