"""Frames of a camera, a file or a stream as they come, the newest always."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

import cv2

from style_transfer.media.mailbox import Mailbox
from style_transfer.media.pixels import Pixels
from style_transfer.media.sources import Capture, Source

_DEFAULT_FPS = 30.0  # of sources that do not tell, or tell nonsense
_BACKOFF = (0.5, 1.0, 2.0, 5.0)  # seconds between attempts to find a lost camera again
_LONGEST = 12.0  # seconds that a driver may take to notice that a camera is gone; Linux' takes 10
_LATE = 1.0  # seconds: a file further behind than this goes on from here, as after a laptop slept
_AHEAD = 30.0  # seconds: a frame that is not due for longer shows a clock that jumps, and no long still


@dataclass(frozen=True, eq=False)
class Shot:
    """One frame: uint8 RGB, HWC, and when it arrived, in seconds of the camera's clock.

    Of a camera that is when the driver handed it over: exposure and transfer lie before it.
    """

    pixels: Pixels
    time: float


class Camera:
    """A source that is read in a thread of its own; :attr:`shots` holds the newest frame.

    Files play at their own speed, over and over with ``loop``; where they end, ``shots`` does. A camera
    or stream that breaks off is opened again as soon as it is back.

    Args:
        source: what to open.
        loop: start files again at their end.
        notify: called, from the thread, with a line for the user when the camera goes and comes.
        clock: seconds, of a clock that never goes back; on Windows ``time.monotonic`` has steps of 16 ms.
        backoff: seconds to wait before each attempt to open a lost camera; the last one is repeated.
        opener: what opens the source, None where it cannot be; for tests.

    Raises ``UserError`` where the source cannot be opened.
    """

    def __init__(
        self,
        source: Source,
        *,
        loop: bool = False,
        notify: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.perf_counter,
        backoff: Sequence[float] = _BACKOFF,
        opener: Callable[[], Capture | None] | None = None,
    ) -> None:
        self.source = source
        self.shots: Mailbox[Shot] = Mailbox()
        self.connected = True
        self._loop, self._notify, self._clock, self._backoff = loop, notify, clock, backoff
        self._reopen = opener or source.try_open
        self._stop = threading.Event()
        capture = opener() if opener else source.open()
        assert capture is not None
        self._capture: Capture | None = capture
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        #: True for what has an end and a speed of its own.
        self.is_file = not source.is_camera and (count > 0 or Path(source.name).is_file())
        rate = capture.get(cv2.CAP_PROP_FPS)
        #: Frames a second, as the source says.
        self.fps = rate if 1 <= rate <= 240 else source.fps or _DEFAULT_FPS
        #: Height and width in pixels, as the source says.
        self.size = (
            max(1, round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))),
            max(1, round(capture.get(cv2.CAP_PROP_FRAME_WIDTH))),
        )
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Let go of the source; a driver that hangs is left to the end of the process."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_LONGEST)
        elif self._capture is not None:
            self._capture.release()

    def _run(self) -> None:
        try:
            if self.is_file:
                self._play()
            else:
                self._follow()
        finally:
            if self._capture is not None:
                self._capture.release()
                self._capture = None
            self.shots.close()

    def _follow(self) -> None:
        """Frames of a camera or stream, until closed."""
        while not self._stop.is_set():
            if self._capture is None:
                self._reconnect()
            elif not (self._capture.grab() and self._deliver(self._capture, self._clock())):
                self._lose()

    def _lose(self) -> None:
        if self._stop.is_set() or self._capture is None:
            return
        self._capture.release()
        self._capture = None
        self._say_lost()

    def _say_lost(self) -> None:
        if self.connected:
            self._notify(f"'{self.source}' gives no more pictures; waiting for it to come back")
        self.connected = False

    def _reconnect(self) -> None:
        for pause in chain(self._backoff, repeat(self._backoff[-1])):
            if self._stop.wait(pause):
                return
            self._capture = capture = self._reopen()
            if capture is None:
                continue
            # Drivers open cameras that have nothing to show yet: it is back when there is a picture.
            if capture.grab() and self._deliver(capture, self._clock()):
                self.connected = True
                self._notify(f"'{self.source}' is back")
                return
            capture.release()
            self._capture = None

    def _play(self) -> None:
        """Frames of a file when they are due."""
        while self._capture is not None and self._play_once(self._capture) and self._loop:
            self._capture.release()
            self._capture = self._reopen()
            if self._capture is None:  # at an address that does not answer now, say
                self._say_lost()
                self._reconnect()

    def _play_once(self, capture: Capture) -> bool:
        """False if there was no frame, or the camera was closed."""
        start = self._clock()
        previous = -1.0
        while capture.grab():
            position = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if not position > previous:  # some files do not tell
                position = previous + 1 / self.fps if previous >= 0 else 0.0
            ahead = start + position - self._clock()
            last, previous = previous, position
            if ahead > _AHEAD:
                start -= ahead
                ahead = 0.0
            if ahead < -_LATE:
                start -= ahead
            elif ahead < -1 / self.fps and last >= 0:
                continue  # too late to be worth decoding further
            if self._stop.wait(max(0.0, ahead)):
                return False
            if not self._deliver(capture, self._clock()):
                break
        # The last frame is shown as long as the others.
        return previous >= 0 and not self._stop.wait(1 / self.fps)

    def _deliver(self, capture: Capture, arrived: float) -> bool:
        good, frame = capture.retrieve()
        if not good or frame is None or frame.size == 0:
            return False
        code = cv2.COLOR_GRAY2RGB if frame.ndim == 2 else cv2.COLOR_BGR2RGB
        self.shots.put(Shot(cv2.cvtColor(frame, code), arrived))
        return True
