"""From the camera's newest shot to the newest painting, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from style_transfer.errors import StyleTransferError, one_line
from style_transfer.live.adapt import Adapter
from style_transfer.live.controls import Scene, Weights, grid_shape
from style_transfer.live.looks import looks_of
from style_transfer.live.warm import freezes, warm_up
from style_transfer.media.camera import Shot
from style_transfer.media.mailbox import Mailbox
from style_transfer.media.pixels import Pixels
from style_transfer.runtime.look import Look
from style_transfer.runtime.scaled import paint_scaled, shrunk
from style_transfer.runtime.steady import Steady
from style_transfer.runtime.stylizer import Stylizer

_PATIENCE = 30  # frames in a row that may fail
_LONGEST = 30.0  # seconds that one frame may take before the painter is given up at the end
_WAIT = 0.1  # seconds for a shot, before the last one is painted anew for a changed scene
_DARK = 8  # of 255: nothing brighter is black
_log = logging.getLogger("style_transfer")


@dataclass(frozen=True, eq=False)
class Painted:
    """A shot and its painting, uint8 RGB HWC of one size.

    ``time``    of the shot, seconds.
    ``fresh``   False for a shot that was shown before.
    ``styled``  False where the painting is the plain photo.
    ``scale``   the share of the frame's sides the network worked at.
    ``scene``   what was asked for.
    """

    photo: Pixels
    painting: Pixels
    time: float
    scene: Scene
    fresh: bool = True
    styled: bool = False
    scale: float = 1.0


class Painter:
    """Paints the newest of ``shots`` as :attr:`scene` says, into :attr:`pictures`.

    Until :meth:`use` has brought a network, pictures are plain. A frame that fails, or comes out black,
    is shown plain with one line to ``notify``; when :data:`_PATIENCE` in a row have failed, :attr:`error` is
    set and ``pictures`` ends.

    ``statistics`` of the norms: ``live`` are each shot's own; ``frozen`` follow the scene slowly, and cost a
    pass now and then; ``auto`` freezes them where that makes painting much faster.
    """

    def __init__(
        self,
        shots: Mailbox[Shot],
        target_fps: float,
        *,
        statistics: str = "auto",
        notify: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.pictures: Mailbox[Painted] = Mailbox()
        self.scene = Scene()
        self.stylizer: Stylizer | None = None
        self.error: StyleTransferError | None = None
        self.adapter = Adapter(target_fps)
        self._statistics = statistics
        self._steady: Steady | None = None
        self._shots, self._notify, self._clock = shots, notify, clock
        self._last: Painted | None = None
        self._failures = 0
        self._look_of: Callable[[Weights], Look] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="painter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_LONGEST)

    def use(self, stylizer: Stylizer, size: tuple[int, int]) -> None:
        """Paint with ``stylizer`` from the next frame on, once it is warm for ``size`` (height, width)."""
        if freezes(stylizer, self._statistics):
            self._steady = Steady(stylizer)
        warm_up(stylizer, size, self.adapter, frozen=self._steady is not None, clock=self._clock)
        self.stylizer = stylizer

    def _run(self) -> None:
        try:
            while not (self._stop.is_set() or self._shots.ended):
                painted = self.step()
                if painted is not None:
                    self.pictures.put(painted)
        except StyleTransferError as error:
            self.error = error
        except Exception as error:
            self.error = StyleTransferError(f"{type(error).__name__}: {one_line(error)}")
            _log.debug("painter", exc_info=True)
        finally:
            self.pictures.close()

    def step(self) -> Painted | None:
        """Paint the newest shot, or the last one anew if the scene has changed; None if there is neither."""
        shot = None if self.scene.frozen and self._last else self._shots.take(_WAIT)
        scene = self.scene
        if shot is not None:
            photo = _mirrored(shot.pixels) if scene.mirror else shot.pixels
            self._last = self._paint(Painted(photo, photo, shot.time, scene))
            return self._last
        last = self._last
        if last is None or (scene == last.scene and (last.styled or self.stylizer is None)):
            self._stop.wait(0.02 if scene.frozen else 0)
            return None
        photo = _mirrored(last.photo) if scene.mirror != last.scene.mirror else last.photo
        self._last = self._paint(replace(last, photo=photo, painting=photo, scene=scene, fresh=False))
        return self._last

    def _paint(self, plain: Painted) -> Painted:
        if self.stylizer is None or not plain.scene.weights:
            return replace(plain, styled=False)
        start = self._clock()
        scale = self.adapter.scale
        try:
            painting = (self._grid if plain.scene.grid else self._single)(self.stylizer, plain, scale)
            if _black(painting) and not _black(plain.photo):
                raise StyleTransferError("the painting is black")
        except Exception as error:
            self._fail(error)
            return replace(plain, styled=True)  # as far as it could be: it is not tried again
        self._failures = 0
        now = self._clock()
        if plain.scene.strength > 0 or plain.scene.grid:  # a copy says nothing of the network
            self.adapter.observe(now - start, now)
        return replace(plain, painting=painting, styled=True, scale=scale)

    def _single(self, stylizer: Stylizer, plain: Painted, scale: float) -> Pixels:
        scene = plain.scene
        if scene.strength == 0:
            return plain.photo.copy()

        def look_of(weights: Weights) -> Look:
            look = self._look(stylizer, weights)
            return replace(look, strength=scene.strength, preserve_color=scene.preserve_color)

        small = shrunk(plain.photo, scale)
        if self._steady is None:
            look = look_of(scene.weights)
        elif scene.fade is None:
            look = self._steady.follow(small, [look_of(scene.weights)], seconds=plain.time)
        else:  # the ends are measured, once: what lies between is another look each frame
            before, after, share = scene.fade
            look = self._steady.follow(small, [look_of(before), look_of(after)], share, seconds=plain.time)
        return paint_scaled(stylizer, plain.photo, small, look)

    def _grid(self, stylizer: Stylizer, plain: Painted, scale: float) -> Pixels:
        """Every style on the whole photo, small; together they cost about as much as one."""
        styles = len(plain.scene.weights)
        columns, rows = grid_shape(styles)
        height, width = plain.photo.shape[:2]
        cell = (max(1, width // columns), max(1, height // rows))
        # Whole cells alone keep the photo's shape: it is cut to the cell's.
        photo = _covering(plain.photo, cell)
        small = shrunk(photo, scale)
        painting = np.full_like(plain.photo, 32)
        for n in range(styles):
            weights = tuple(float(n == m) for m in range(styles))
            look = replace(self._look(stylizer, weights), preserve_color=plain.scene.preserve_color)
            left, top = n % columns * cell[0], n // columns * cell[1]
            target = painting[top : top + cell[1], left : left + cell[0]]
            target[...] = paint_scaled(stylizer, photo, small, look)[: target.shape[0], : target.shape[1]]
        return painting

    def _look(self, stylizer: Stylizer, weights: Weights) -> Look:
        if self._look_of is None:
            self._look_of = looks_of(stylizer)
        return self._look_of(weights)

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        reason = one_line(error)
        if self._failures == 1:
            self._notify(f"a frame could not be painted ({reason}); showing it plain")
            _log.debug("painting", exc_info=error)
        if self._failures >= _PATIENCE:
            raise StyleTransferError(
                f"{_PATIENCE} frames in a row could not be painted ({reason});"
                " try --precision fp32 or --device cpu"
            )


def _covering(photo: Pixels, size: tuple[int, int]) -> Pixels:
    """The middle of ``photo``, shrunk to ``size`` (width, height)."""
    height, width = photo.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    inner_width, inner_height = min(width, round(size[0] / scale)), min(height, round(size[1] / scale))
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    middle = photo[top : top + inner_height, left : left + inner_width]
    return np.asarray(cv2.resize(middle, size, interpolation=cv2.INTER_AREA), np.uint8)


def _mirrored(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[:, ::-1])


def _black(pixels: Pixels) -> bool:
    return int(pixels[::8, ::8].max()) < _DARK
