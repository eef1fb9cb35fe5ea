"""A window on the screen, of OpenCV's."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping

import cv2
import numpy as np

from style_transfer.errors import UserError
from style_transfer.media.pixels import Pixels
from style_transfer.media.sinks import Click

_TITLE = "style-transfer"
_LARGEST = (1280, 720)  # pixels, at first: it fits most screens, and can be pulled larger
# What WND_PROP_VISIBLE is below once the window is gone; on macOS it is 0 while it is minimised.
_CLOSED = 0 if sys.platform == "darwin" else 1
_NO_WINDOWS = (
    "this OpenCV was built without windows: pip uninstall opencv-python-headless, then"
    " pip install --force-reinstall opencv-python; or use --serve, or --headless with --record"
)
# What cv2.waitKeyEx returns, by Qt and GTK, Windows, and macOS.
_KEYS = {
    0xFF51: "left", 0xFF53: "right", 0x250000: "left", 0x270000: "right", 0xF702: "left", 0xF703: "right",
    0xFFAB: "+", 0xFFAD: "-", 0xFF1B: "escape", 27: "escape",
}  # fmt: skip


class Window:
    """A :class:`~style_transfer.media.sinks.Display`; to be used in the main thread alone.

    Raises ``UserError`` where OpenCV has no windows, or there is no screen.
    """

    def __init__(self, *, full_screen: bool = False) -> None:
        _need_screen(os.environ)
        self._events: list[str | Click] = []
        self._inner = (0, 0, 1, 1)  # left, top, width and height of the picture in it
        self._full = self._sized = self._shown = False
        try:
            cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            cv2.setMouseCallback(_TITLE, self._pointer)
        except (cv2.error, AttributeError) as error:
            raise UserError(_NO_WINDOWS) from error
        if full_screen:
            self.toggle_full_screen()

    def show(self, pixels: Pixels, time: float = 0) -> None:  # noqa: ARG002
        """Draw a frame; when this returns, it has been drawn."""
        height, width = pixels.shape[:2]
        if not (self._sized or self._full):
            scale = min(1.0, _LARGEST[0] / width, _LARGEST[1] / height)
            cv2.resizeWindow(_TITLE, round(width * scale), round(height * scale))
            self._sized = True
        left, top = self._margins(width, height) if self._full else (0, 0)
        if left or top:
            pixels = np.asarray(
                cv2.copyMakeBorder(pixels, top, top, left, left, cv2.BORDER_CONSTANT), np.uint8
            )
        self._inner = left, top, width, height
        cv2.imshow(_TITLE, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        self._process()
        self._shown = True

    def poll(self) -> list[str | Click]:
        self._process()
        events, self._events = self._events, []
        return events

    @property
    def closed(self) -> bool:
        try:
            visible = cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE)
            return self._shown and visible < _CLOSED
        except cv2.error:  # what some back ends do when the window is gone
            return True

    def toggle_full_screen(self) -> None:
        self._full = not self._full
        state = cv2.WINDOW_FULLSCREEN if self._full else cv2.WINDOW_NORMAL
        cv2.setWindowProperty(_TITLE, cv2.WND_PROP_FULLSCREEN, state)
        # Full, the picture comes in the screen's own shape.
        ratio = cv2.WINDOW_FREERATIO if self._full else cv2.WINDOW_KEEPRATIO
        cv2.setWindowProperty(_TITLE, cv2.WND_PROP_ASPECT_RATIO, ratio)

    def _margins(self, width: int, height: int) -> tuple[int, int]:
        """Black at each side, and above and below, of a picture that fills the screen: OpenCV's is bright."""
        try:
            _, _, screen_width, screen_height = cv2.getWindowImageRect(_TITLE)
        except cv2.error:
            return 0, 0
        if screen_width < 1 or screen_height < 1:
            return 0, 0
        wide, high = height * screen_width / screen_height, width * screen_height / screen_width
        return max(0, round((wide - width) / 2)), max(0, round((high - height) / 2))

    def close(self) -> None:
        cv2.destroyAllWindows()

    def _process(self) -> None:
        """Let the system draw and deliver; this is where windows of OpenCV live."""
        code = cv2.waitKeyEx(1)
        if code >= 0 and (key := key_name(code)):
            self._events.append(key)

    def _pointer(self, event: int, x: int, y: int, flags: int, _: object) -> None:
        pressed = event == cv2.EVENT_LBUTTONDOWN
        dragged = event == cv2.EVENT_MOUSEMOVE and flags & cv2.EVENT_FLAG_LBUTTON
        left, top, width, height = self._inner
        if pressed or dragged:
            across, down = (x - left) / width, (y - top) / height
            self._events.append(Click(min(1.0, max(0.0, across)), min(1.0, max(0.0, down))))


def key_name(code: int) -> str:
    """Of a code of ``cv2.waitKeyEx``: a character, ``left``, ``right``, ``escape``; empty for other keys."""
    name = _KEYS.get(code) or _KEYS.get(code & 0xFFFF)  # the upper half holds Shift, NumLock and the like
    if name:
        return name
    code &= 0xFFFF
    return chr(code) if 32 <= code < 127 else ""


def _need_screen(environment: Mapping[str, str]) -> None:
    """Qt, which OpenCV draws with on Linux, ends the process where it finds no screen: look first."""
    if sys.platform != "linux" or environment.get("QT_QPA_PLATFORM", "xcb") != "xcb":
        return
    display = environment.get("DISPLAY", "")
    host, _, number = display.partition(":")
    if not number or (host in ("", "unix") and not _answers(number.partition(".")[0])):
        which = f"the screen '{display}' does not answer" if display else "there is no screen here"
        raise UserError(f"{which} (DISPLAY); use --serve, or --headless with --record or --virtual-camera")


def _answers(number: str) -> bool:
    path = f"/tmp/.X11-unix/X{number}"
    for address in (f"\0{path}", path):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(address)
            except OSError:
                continue
            return True
    return False
