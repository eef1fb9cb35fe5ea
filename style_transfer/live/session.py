"""The live show: camera, painter, screen and whatever else takes frames, held together."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from style_transfer.errors import InputFileError
from style_transfer.live import overlay
from style_transfer.live.controls import Command, Controls, Weights
from style_transfer.live.meter import Meter
from style_transfer.live.outputs import Outputs
from style_transfer.live.painter import Painted, Painter
from style_transfer.media.camera import Camera
from style_transfer.media.pixels import Pixels
from style_transfer.media.sinks import Click, Display, Sink
from style_transfer.networks.styles import parse_mix
from style_transfer.runtime.stylizer import Stylizer

_TICK = 0.01  # seconds: how long a key waits at most
_REDRAW = 0.1  # seconds between drawings while no frames come
_STALE = 1.0  # seconds after which a picture is a still
_SILENCE = 2.0  # seconds without a frame that are worth a word


class Session:
    """Runs until the person quits, a file ends, or it fails.

    Args:
        camera: not yet started; the session closes it, and display and sinks too.
        load: brings the network; called in a thread of its own while the plain picture shows.
        controls: what the keys change.
        display: where a person sits; None without.
        sinks: what else takes the frames, painted ones only.
        style: the style or mix to begin with, as a Stylizer takes it; None: the model's first.
        target_fps: the rate to hold; None: the camera's.
        statistics: ``live``, ``frozen`` or ``auto``, see :class:`Painter`.
        folder: where recordings and snapshots made by key go.
        notify: takes lines for the user.
    """

    def __init__(
        self,
        camera: Camera,
        load: Callable[[], Stylizer],
        controls: Controls,
        *,
        display: Display | None = None,
        sinks: Sequence[Sink] = (),
        style: str | Mapping[str, float] | None = None,
        target_fps: float | None = None,
        statistics: str = "auto",
        folder: Path | None = None,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.meter = Meter()
        self._camera, self._load, self._controls = camera, load, controls
        self._display, self._style = display, style
        self._notify = notify
        self._outputs = Outputs(sinks, folder or Path(), all_there_is=display is None, tell=self._tell)
        self._painter = Painter(
            camera.shots, target_fps or camera.fps, statistics=statistics, notify=self._tell
        )
        self._load_error: Exception | None = None
        self._weights: Weights = ()
        self._ended = threading.Event()
        self._last: tuple[Painted, Pixels] | None = None
        self._drawn_at = self._fresh_at = time.perf_counter()

    def run(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Until quit, the end of the source, or ``stopped()``; then everything is closed, whole.

        Raises ``StyleTransferError`` for what made it impossible to go on, ``UserError`` for a model or
        style that cannot be had.
        """
        loader = threading.Thread(target=self._bring_network, name="loader", daemon=True)
        with contextlib.ExitStack() as closing:  # in reverse order, each whatever the others do
            closing.callback(self._outputs.close)
            # The interpreter's end would crash a thread that is in the middle of foreign code.
            closing.callback(loader.join)
            closing.callback(self._painter.close)
            closing.callback(self._camera.close)
            closing.callback(self._ended.set)
            if self._display:
                closing.callback(self._display.close)
            loader.start()
            going_on = True
            while going_on and self._holds_back and loader.is_alive() and not stopped():
                loader.join(_TICK)
                going_on = self._display is None or self._serve_person(self._display)
            self._direct(time.perf_counter())
            self._camera.start()
            self._painter.start()
            while going_on and not (stopped() or self._painter.pictures.ended):
                going_on = self._turn()
            played_out = self._painter.pictures.ended and not stopped()
        error = self._painter.error or self._load_error
        if error is not None:
            raise error
        if played_out and not self.meter.frames:
            raise InputFileError(f"no picture of '{self._camera.source}' can be decoded; get the file anew")

    @property
    def _holds_back(self) -> bool:
        """Whether the source waits for the network: else what is made of a file would lack its beginning."""
        return self._display is None or (self._camera.is_file and self._outputs.recording)

    def _turn(self) -> bool:
        """One turn of the loop; False to quit."""
        painted = self._painter.pictures.take(_TICK)
        if self._load_error is not None:
            return False
        now = time.perf_counter()
        self._direct(now)
        if painted is not None:
            self._present(painted)
        elif self._last and now - self._drawn_at > _REDRAW:
            self._last = (self._last[0], self._compose(self._last[0]))  # the split may have moved
            self._draw(now)
        self._outputs.report()
        return self._display is None or self._serve_person(self._display)

    def _direct(self, now: float) -> None:
        """Tell the painter what is wanted, with the styles known or not."""
        self._welcome(now)
        self._painter.scene = self._controls.scene(now)

    # -- the network ---------------------------------------------------------------------------------

    def _bring_network(self) -> None:
        try:
            stylizer = self._load()
            self._weights = _weights(stylizer, self._style)
            if not self._ended.is_set():
                self._painter.use(stylizer, self._camera.size)
        except Exception as error:
            self._load_error = error

    def _welcome(self, now: float) -> None:
        """Give the controls the styles as soon as they are known."""
        stylizer = self._painter.stylizer
        if stylizer is None or self._controls.styles:
            return
        titles = [style.title or style.name for style in stylizer.model.styles]
        self._controls.set_styles(titles, self._weights, now)

    # -- the picture ---------------------------------------------------------------------------------

    def _present(self, painted: Painted) -> None:
        picture = self._compose(painted)
        self._last = (painted, picture)
        now = time.perf_counter()
        if painted.fresh:
            self._fresh_at = now
        self._draw(now)
        if painted.fresh:
            self.meter.add(painted.time, time.perf_counter())
        if painted.styled:
            self._outputs.show(picture, painted.time if painted.fresh else now)

    def _compose(self, painted: Painted) -> Pixels:
        share = self._controls.split
        if share is None or painted.scene.grid:
            return painted.painting
        return overlay.split(painted.photo, painted.painting, share)

    def _draw(self, now: float) -> None:
        """The last picture, with what there is to say, on the screen."""
        self._drawn_at = now
        if self._display is None or self._last is None:
            return
        painted, picture = self._last
        canvas = overlay.legible(picture)
        if self._controls.text:
            overlay.draw_status(canvas, self._status(painted, now))
            if (since := self._outputs.recording_since) is not None:
                overlay.draw_recording(canvas, now - since)
            if note := self._controls.current_note(now):
                overlay.draw_note(canvas, note)
        if painted.scene.grid:
            overlay.draw_grid_names(canvas, self._controls.styles, self._controls.chosen)
        if self._controls.help:
            overlay.draw_help(canvas)
        self._display.show(canvas, painted.time)

    def _status(self, painted: Painted, now: float) -> str:
        if not self._camera.connected or (now - self._fresh_at > _SILENCE and not painted.scene.frozen):
            return "no picture from the camera; waiting for it"
        if painted.scene.frozen:
            return "frozen"
        rate = f"{self.meter.fps(now):.0f} fps  {1000 * self.meter.latency(now):.0f} ms"
        if self._painter.stylizer is None:
            return f"{rate}  loading the styles"
        return f"{rate}  at {painted.scale:.0%}" if painted.scale < 1 else rate

    # -- the person ----------------------------------------------------------------------------------

    def _serve_person(self, display: Display) -> bool:
        for event in display.poll():
            now = time.perf_counter()
            if isinstance(event, Click):
                self._controls.click(event.x, event.y, now)
            elif not self._obey(self._controls.press(event, now), display):
                return False
        return not display.closed

    def _obey(self, command: Command | None, display: Display) -> bool:
        match command:
            case Command.QUIT:
                return False
            case Command.FULL_SCREEN:
                display.toggle_full_screen()
            case Command.SNAPSHOT if self._last:
                self._outputs.snapshot(self._last[1])
            case Command.RECORD if self._outputs.recording:
                self._outputs.stop_recording()
            case Command.RECORD:
                self._record()
        return True

    def _record(self) -> None:
        """From the picture that shows on, at the time it was taken, as those that follow have theirs."""
        now = time.perf_counter()
        if self._last is None:
            self._outputs.record(None, now)
            return
        painted, picture = self._last
        shows_now = painted.scene.frozen or now - painted.time > _STALE
        self._outputs.record(picture, now if shows_now else painted.time)

    def _tell(self, line: str) -> None:
        """On the terminal and in the window."""
        self._notify(line)
        self._controls.note(line, time.perf_counter())


def _weights(stylizer: Stylizer, style: str | Mapping[str, float] | None) -> Weights:
    if style is None:
        style = {stylizer.model.style_names[0]: 1.0}
    mix = parse_mix(style) if isinstance(style, str) else style
    return tuple(stylizer.model.weights(mix)[0].tolist())
