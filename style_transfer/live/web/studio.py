"""One thread that paints for every viewer, in fair turns, with one network."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from style_transfer.errors import UserError, one_line
from style_transfer.live.adapt import Adapter
from style_transfer.live.controls import Scene, Weights
from style_transfer.live.looks import looks_of
from style_transfer.live.warm import freezes, warm_up
from style_transfer.live.web import protocol
from style_transfer.live.web.frames import decode, encode, resized
from style_transfer.live.web.seat import Frame, Seat
from style_transfer.live.web.turns import Turns
from style_transfer.media.pixels import Pixels
from style_transfer.runtime.scaled import shrunk
from style_transfer.runtime.steady import Steady
from style_transfer.runtime.stylizer import Stylizer

_THUMBNAIL_PIXELS = 160 * 120
_TURN = 20_000  # pixels that a turn counts for beside those in it: what is to be done for any frame
_FIRST_SIZE = (480, 640)
_STEADIES_KEPT = 64  # of the server's camera, one a mix
_LONGEST = 30.0  # seconds that one frame may take before the thread is given up at the end
_log = logging.getLogger("style_transfer")


class Studio:
    """Decodes, paints and encodes what the seats hold, the least served first.

    A seat pays with its turns for every pixel: a viewer with huge frames slows itself. Pixels count and not
    seconds, because what an engine does once for a size is of use to all, and would ruin who came first.
    Nothing waits here but the one frame that each seat holds.

    Args:
        stylizer: used by this thread alone.
        statistics: of the norms: ``live`` are each frame's own; ``frozen`` follow each viewer's camera
            slowly; ``auto`` freezes them where that makes painting much faster.
        notify: called, from the thread, with a line for who runs the server.
        target_fps: of the server's own camera, whose frames are painted smaller so that it holds.
        clock: seconds, monotonic; of the frames too.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        *,
        statistics: str = "auto",
        notify: Callable[[str], None] = lambda _: None,
        target_fps: float = 15.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.stylizer = stylizer
        self.adapter = Adapter(target_fps)
        self._notify, self._clock = notify, clock
        self._turns: Turns[Seat] = Turns()
        self._seats: set[Seat] = set()
        self._changed = threading.Condition()
        self._look_of = looks_of(stylizer)
        self._shot: Pixels | None = None  # of the server's camera
        self._paintings: dict[Scene, bytes] = {}  # of it: whoever has the same look gets the same bytes
        self._freezes = freezes(stylizer, statistics)
        self._steadies: dict[Weights, Steady] = {}  # of each mix of the server's camera
        self._failing = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="studio", daemon=True)

    # -- for the viewers, from any thread ------------------------------------------------------------

    def join(self, seat: Seat) -> None:
        with self._changed:
            self._seats.add(seat)
            self._turns.join(seat)

    def leave(self, seat: Seat) -> None:
        with self._changed:
            self._seats.discard(seat)
            self._turns.leave(seat)

    def put(self, seat: Seat, frame: Frame) -> None:
        """``frame`` is the newest of ``seat``; one that waits there is forgotten."""
        with self._changed:
            if not seat.waiting:
                self._turns.wait(seat)
            seat.frame = frame
            self._changed.notify()

    def scene(self, wanted: protocol.LookWanted) -> Scene:
        """``wanted`` by this model's styles. Raises ``UserError`` for one it does not have."""
        weights = self.stylizer.model.weights(wanted.styles)[0].tolist()
        # What no eye tells apart is the same look, so that a slider's every step is not kept for itself.
        rounded = [round(weight, 2) for weight in weights]
        total = sum(rounded)
        mix = tuple(weight / total for weight in rounded) if total else tuple(weights)
        return Scene(mix, wanted.strength, wanted.preserve_color)

    # -- the thread ----------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(_LONGEST)

    def warm_up(self, size: tuple[int, int] = _FIRST_SIZE) -> None:
        """Paint what first frames are like, so that the first viewer does not wait for it.

        ``size`` is the height and width of the server's own camera, or those of most browsers' first frame.
        """
        warm_up(self.stylizer, size, self.adapter, frozen=self._freezes, clock=self._clock)

    def _run(self) -> None:
        while not self._stopped:
            try:
                self.step(timeout=None)
            except Exception:  # one viewer's trouble is nobody else's
                _log.exception("studio")

    def step(self, timeout: float | None = 0.0) -> bool:
        """Serve one seat; False if none waited within ``timeout`` seconds (None: for ever)."""
        with self._changed:
            waiting = [seat for seat in self._seats if seat.waiting]
            if not waiting and not self._stopped:
                self._changed.wait(timeout)
                waiting = [seat for seat in self._seats if seat.waiting]
            if not waiting or self._stopped:
                return False
            seat = self._turns.choose(waiting)
            frame, style = seat.take()
        pixels = 0
        try:
            if frame is not None:
                pixels = self._paint_frame(seat, frame)
            elif style is not None:
                pixels = self._paint_thumbnail(seat, style)
        finally:
            with self._changed:
                self._turns.charge(seat, _TURN + pixels)
        return True

    def _paint_frame(self, seat: Seat, frame: Frame) -> int:
        """Decode, paint, deliver; how many pixels that were."""
        start = self._clock()
        try:
            photo = frame.picture if isinstance(frame.picture, np.ndarray) else decode(frame.picture)
        except UserError as error:
            seat.refuse(str(error))
            return len(frame.picture)
        if seat.thumbnails_from is not None and (frame.shared or frame.number >= seat.thumbnails_from):
            seat.begin_thumbnails(shrunk(photo, (_THUMBNAIL_PIXELS / (photo.size // 3)) ** 0.5))
        paint = self._shared_painting if frame.shared else self._painting
        jpeg = paint(seat, photo, frame.time)
        if jpeg is not None:
            took = self._clock() - start
            waited = max(0.0, start - frame.time)
            message = protocol.picture_message(protocol.FRAME, frame.number, jpeg, waited=waited, took=took)
            seat.deliver(message, None)
        return photo.size // 3

    def _painting(self, seat: Seat, photo: Pixels, time: float) -> bytes | None:
        height, width = seat.working_size(photo.shape[0], photo.shape[1], self._clock())
        if seat.photo:
            seat.steady = None  # it is its own reference, and of no use to the next
        elif self._freezes and seat.steady is None:
            seat.steady = Steady(self.stylizer)
        painting = self._paint(resized(photo, height, width), seat.scene, seat, seat.steady, time)
        return None if painting is None else encode(painting)

    def _shared_painting(self, seat: Seat, shot: Pixels, time: float) -> bytes:
        if self._shot is not shot:
            self._shot, self._paintings = shot, {}
        if seat.scene not in self._paintings:
            start = self._clock()
            small = shrunk(shot, self.adapter.scale)
            painting = self._paint(small, seat.scene, seat, self._steady(seat.scene.weights), time)
            if painting is None:  # the shot itself, once: a page waits for an answer to what was sent to it
                return encode(small)
            self._paintings[seat.scene] = encode(painting)
            looks = len({other.scene for other in tuple(self._seats)}) or 1
            now = self._clock()
            if seat.scene.strength > 0:  # a copy says nothing of the network
                self.adapter.observe((now - start) * looks, now)
        return self._paintings[seat.scene]

    def _paint_thumbnail(self, seat: Seat, style: int) -> int:
        assert seat.small is not None
        weights = tuple(float(n == style) for n in range(len(self.stylizer.model.styles)))
        scene = replace(seat.scene, weights=weights, strength=1.0)
        painting = self._paint(seat.small, scene, seat)
        if painting is not None:
            jpeg = encode(painting)
            seat.deliver(protocol.picture_message(protocol.THUMBNAIL, 0, jpeg, style=style), style)
        return seat.small.size // 3

    def _steady(self, mix: Weights) -> Steady | None:
        """Of the server's camera, as ``mix`` sees it."""
        if not self._freezes:
            return None
        steady = self._steadies.pop(mix, None) or Steady(self.stylizer)
        self._steadies[mix] = steady  # at the end: the last used
        if len(self._steadies) > _STEADIES_KEPT:
            del self._steadies[next(iter(self._steadies))]
        return steady

    def _paint(
        self, photo: Pixels, scene: Scene, seat: Seat, steady: Steady | None = None, time: float | None = None
    ) -> Pixels | None:
        try:
            if scene.strength == 0:
                return photo
            look = self._look_of(scene.weights)
            look = replace(look, strength=scene.strength, preserve_color=scene.preserve_color)
            photo = np.ascontiguousarray(photo)
            if steady is not None:
                look = steady.follow(photo, [look], seconds=time)
            painting = self.stylizer(photo, look)
        except Exception as error:
            if not self._failing:
                self._notify(f"a frame could not be painted ({one_line(error)})")
                _log.debug("painting", exc_info=error)
            self._failing = True
            seat.tell("this picture could not be painted")
            return None
        self._failing = False
        return painting
