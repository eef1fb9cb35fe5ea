"""The whole loop, with a source, a screen and sinks that are none."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pytest
from helpers import photo_pixels

from style_transfer.errors import InputFileError, OutputError, StyleTransferError, UnknownNameError
from style_transfer.live.controls import Controls
from style_transfer.live.meter import Meter
from style_transfer.live.outputs import Outputs
from style_transfer.live.session import Session
from style_transfer.media.camera import Shot
from style_transfer.media.image import read_image
from style_transfer.media.mailbox import Mailbox
from style_transfer.media.pixels import Pixels
from style_transfer.media.recorder import Recorder
from style_transfer.media.sinks import Click
from style_transfer.runtime.stylizer import Stylizer


class FakeCamera:
    """Gives a shot whenever asked to, or by itself at a rate."""

    def __init__(self, rate: float = 50.0, size: tuple[int, int] = (24, 32)) -> None:
        self.shots: Mailbox[Shot] = Mailbox()
        self.fps, self.size, self.connected = 30.0, size, True
        self.photo = photo_pixels(*size)
        self.source, self.closed, self.is_file = "clip.mp4", False, False
        self._rate, self._stop = rate, threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self._stop.wait(1 / self._rate):
            self.shots.put(Shot(self.photo, time.perf_counter()))

    def end(self) -> None:
        self._stop.set()
        self.shots.close()

    def close(self) -> None:
        self.closed = True
        self._stop.set()


@dataclass
class MemorySink:
    """Keeps frames and their times."""

    frames: list[Pixels] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    closed: bool = False

    def show(self, pixels: Pixels, time: float) -> None:
        self.frames.append(pixels.copy())
        self.times.append(time)

    def close(self) -> None:
        self.closed = True


class FakeDisplay(MemorySink):
    """Presses keys, one of each group when its condition holds."""

    def __init__(self, *script: tuple[object, str | Click]) -> None:
        super().__init__()
        self.script = list(script)
        self.session: Session | None = None
        self.full_screen = False
        self.deadline = time.perf_counter() + 120

    @property
    def closed(self) -> bool:
        return False

    @closed.setter
    def closed(self, value: bool) -> None:
        pass

    def poll(self) -> list[str | Click]:
        assert time.perf_counter() < self.deadline, f"waited in vain to press {self.script[:1]}"
        if self.script and self.script[0][0]():  # type: ignore[operator]
            return [self.script.pop(0)[1]]
        return []

    def toggle_full_screen(self) -> None:
        self.full_screen = not self.full_screen


def after(count: int, sink: MemorySink):
    return lambda: len(sink.frames) >= count


def test_plain_first_then_painted_and_sinks_see_paintings_only(stylizer: Stylizer) -> None:
    camera, sink, ready = FakeCamera(), MemorySink(), threading.Event()
    display = FakeDisplay()

    def load() -> Stylizer:
        ready.wait(30)
        return stylizer

    def plain_seen() -> bool:
        ready.set()
        return True

    display.script = [(after(3, display), "h"), (plain_seen, "h"), (after(5, sink), "q")]
    Session(camera, load, Controls(), display=display, sinks=[sink]).run()
    expected = stylizer(camera.photo, stylizer.make_look())
    assert all((frame == expected).all() for frame in sink.frames)
    assert display.frames[0].shape == (480, 640, 3)  # enlarged to be legible
    assert sink.closed
    assert camera.closed


def test_nothing_is_written_on_the_picture_unless_wanted(stylizer: Stylizer) -> None:
    camera, display = FakeCamera(size=(480, 640)), FakeDisplay()
    look = stylizer.make_look(strength=0.9)
    painting = stylizer(camera.photo, look)

    def arrived() -> bool:
        return bool(display.frames) and int(np.abs(display.frames[-1].astype(int) - painting).max()) <= 1

    def written() -> bool:
        return not arrived()

    display.script = [(after(1, display), "-"), (arrived, "i"), (written, "q")]
    # At so low a rate nothing is painted smaller, however busy the machine.
    Session(camera, lambda: stylizer, Controls(text=False), display=display, target_fps=1).run()
    assert (display.frames[0] == camera.photo).all()
    assert not display.script  # "i" brought the rate and the note back


def test_times_are_those_of_capture_and_never_repeat(stylizer: Stylizer) -> None:
    camera, sink = FakeCamera(), MemorySink()
    session = Session(camera, lambda: stylizer, Controls(), sinks=[sink])
    session.run(lambda: len(sink.frames) >= 20)
    assert all(b > a for a, b in itertools.pairwise(sink.times))
    assert session.meter.frames == len(sink.frames)


def test_nobody_watching_the_first_frame_is_painted(stylizer: Stylizer) -> None:
    camera, sink, captured = FakeCamera(), MemorySink(), []
    put = camera.shots.put
    camera.shots.put = lambda shot: (captured.append(shot.time), put(shot))[1]  # type: ignore[method-assign]
    Session(camera, lambda: stylizer, Controls(), sinks=[sink]).run(lambda: len(sink.frames) >= 3)
    assert sink.times[0] == captured[0]


def test_a_source_without_a_picture_is_an_error(stylizer: Stylizer) -> None:
    camera = FakeCamera(rate=0.01)
    threading.Timer(0.2, camera.end).start()
    with pytest.raises(InputFileError, match=r"no picture of 'clip\.mp4'"):
        Session(camera, lambda: stylizer, Controls(), sinks=[MemorySink()]).run()


def test_a_source_that_ends_ends_the_session(stylizer: Stylizer) -> None:
    camera = FakeCamera()

    class LastSink(MemorySink):
        def show(self, pixels: Pixels, time: float) -> None:
            super().show(pixels, time)
            camera.end()

    sink = LastSink()
    Session(camera, lambda: stylizer, Controls(), sinks=[sink]).run()
    assert sink.closed


def test_keys_record_and_snap(stylizer: Stylizer, tmp_path: Path) -> None:
    camera, sink, lines = FakeCamera(), MemorySink(), []
    display = FakeDisplay(
        (after(3, sink), "s"), (after(4, sink), "r"), (after(12, sink), "r"), (after(14, sink), "f"),
        (lambda: len(lines) == 2, "q"),
    )  # fmt: skip
    session = Session(
        camera,
        lambda: stylizer,
        Controls(),
        display=display,
        sinks=[sink],
        folder=tmp_path,
        notify=lines.append,
    )
    session.run()
    assert display.full_screen
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".mp4", ".png"]
    assert all(line.startswith("saved ") for line in lines)


def test_a_snapshot_is_of_its_moment(tmp_path: Path) -> None:
    outputs = Outputs([], tmp_path, all_there_is=False, tell=lambda _: None)
    pixels = photo_pixels(31, 45)
    before = pixels.copy()
    outputs.snapshot(pixels)
    pixels[:] = 0
    outputs.close()
    (path,) = tmp_path.iterdir()
    assert (read_image(path).frames[0] == before).all()


def test_recording_again_and_again_within_a_second(stylizer: Stylizer, tmp_path: Path) -> None:
    sink, lines = MemorySink(), []
    presses = [(after(3 + number, sink), "r") for number in range(6)]
    display = FakeDisplay(*presses, (lambda: len(lines) == 3, "q"))
    Session(
        FakeCamera(), lambda: stylizer, Controls(), display=display, sinks=[sink], folder=tmp_path,
        notify=lines.append,
    ).run()  # fmt: skip
    assert len({line for line in lines if line.startswith("saved ")}) == 3
    assert len(list(tmp_path.iterdir())) == 3


def test_a_recording_that_cannot_begin_ends_no_show(
    stylizer: Stylizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StyleTransferError("there is no room")

    monkeypatch.setattr(Recorder, "__init__", refuse)
    sink, lines = MemorySink(), []
    display = FakeDisplay((after(3, sink), "r"), (after(6, sink), "q"))
    Session(
        FakeCamera(), lambda: stylizer, Controls(), display=display, sinks=[sink], folder=tmp_path,
        notify=lines.append,
    ).run()  # fmt: skip
    assert lines == ["there is no room"]


def test_a_recording_that_cannot_be_finished_ends_no_show(
    stylizer: Stylizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Recorder) -> None:
        raise OutputError("cannot write 'x.mp4': the disk is full; free some space")

    monkeypatch.setattr(Recorder, "close", full)
    sink, lines = MemorySink(), []
    display = FakeDisplay(
        (after(3, sink), "r"), (after(8, sink), "r"), (lambda: any("full" in line for line in lines), "q")
    )
    Session(
        FakeCamera(), lambda: stylizer, Controls(), display=display, sinks=[sink], folder=tmp_path,
        notify=lines.append,
    ).run()  # fmt: skip
    assert [line for line in lines if "the disk is full" in line]


def test_a_recording_that_breaks_off_is_let_go(
    stylizer: Stylizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_recorder: Recorder, _pixels: Pixels, _time: float) -> None:
        raise OutputError("cannot write 'x.mp4': the disk is full; free some space")

    sink, lines, closed = MemorySink(), [], []
    close = Recorder.close
    monkeypatch.setattr(Recorder, "close", lambda recorder: (closed.append(recorder), close(recorder)))
    display = FakeDisplay((after(3, sink), "r"), (lambda: bool(lines), "q"))
    session = Session(
        FakeCamera(), lambda: stylizer, Controls(), display=display, sinks=[sink], folder=tmp_path,
        notify=lines.append,
    )  # fmt: skip
    record = session._outputs.record

    def begin(picture: Pixels | None, time: float) -> None:
        record(picture, time)
        monkeypatch.setattr(Recorder, "show", full)

    monkeypatch.setattr(session._outputs, "record", begin)
    session.run()
    assert len(closed) == 1
    assert not list(tmp_path.glob(".*"))  # nobody holds the name


def test_a_recording_begins_at_its_first_picture_s_own_time(stylizer: Stylizer, tmp_path: Path) -> None:
    class Late(FakeCamera):
        def _run(self) -> None:
            while not self._stop.wait(0.1):
                self.shots.put(Shot(self.photo, time.perf_counter() - 0.4))

    sink = MemorySink()
    display = FakeDisplay((after(3, sink), "r"), (after(9, sink), "r"), (after(10, sink), "q"))
    Session(Late(), lambda: stylizer, Controls(), display=display, sinks=[sink], folder=tmp_path).run()
    (path,) = tmp_path.glob("*.mp4")
    with av.open(str(path)) as file:
        times = [float(frame.time) for frame in file.decode(video=0)]
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) > 0.05


@pytest.mark.parametrize(("is_file", "order"), [(True, ["loaded", "begun"]), (False, ["begun", "loaded"])])
def test_a_file_that_is_recorded_waits_for_the_network(
    stylizer: Stylizer, tmp_path: Path, is_file: bool, order: list[str]
) -> None:
    done, polled = [], threading.Event()

    class Source(FakeCamera):
        def start(self) -> None:
            done.append("begun")
            super().start()

    def load() -> Stylizer:
        assert polled.wait(30)  # the window lives meanwhile
        done.append("loaded")
        return stylizer

    def is_polled() -> bool:
        if is_file or done:
            polled.set()
        return bool(recorder.frames)

    camera, recorder = Source(), Recorder(tmp_path / "out.mp4")
    camera.is_file = is_file
    display = FakeDisplay((is_polled, "q"))
    Session(camera, load, Controls(), display=display, sinks=[recorder]).run()
    assert done == order
    assert (tmp_path / "out.mp4").exists()


def test_quitting_does_not_wait_for_a_file_to_begin(stylizer: Stylizer, tmp_path: Path) -> None:
    quit_, lines = threading.Event(), []

    def load() -> Stylizer:
        assert quit_.wait(30)
        return stylizer

    def now() -> bool:
        quit_.set()
        return True

    camera = FakeCamera()
    camera.is_file = True
    sinks, display = [Recorder(tmp_path / "out.mp4")], FakeDisplay((now, "q"))
    Session(camera, load, Controls(), display=display, sinks=sinks, notify=lines.append).run()
    assert lines == ["nothing was recorded"]


def test_a_recording_is_whole_when_the_show_crashes(stylizer: Stylizer, tmp_path: Path) -> None:
    camera, sink = FakeCamera(), MemorySink()
    recorder = Recorder(tmp_path / "out.mp4")

    class Broken(FakeDisplay):
        def show(self, pixels: np.ndarray, time: float) -> None:
            super().show(pixels, time)
            if len(sink.frames) >= 8:
                raise RuntimeError("the screen is gone")

    with pytest.raises(RuntimeError, match="gone"):
        Session(camera, lambda: stylizer, Controls(), display=Broken(), sinks=[sink, recorder]).run()
    assert (tmp_path / "out.mp4").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_a_sink_that_fails_is_left_out_or_ends_it_where_nobody_watches(stylizer: Stylizer) -> None:
    class Full(MemorySink):
        def show(self, pixels: np.ndarray, time: float) -> None:
            super().show(pixels, time)
            raise StyleTransferError("the disk is full")

    lines: list[str] = []
    sink = MemorySink()
    display = FakeDisplay((after(5, sink), "q"))
    Session(
        FakeCamera(), lambda: stylizer, Controls(), display=display, sinks=[Full(), sink], notify=lines.append
    ).run()
    assert lines == ["the disk is full"]
    with pytest.raises(StyleTransferError, match="disk is full"):
        Session(FakeCamera(), lambda: stylizer, Controls(), sinks=[Full()]).run()


def test_an_unknown_style_is_told(stylizer: Stylizer) -> None:
    for display in (None, FakeDisplay()):
        with pytest.raises(UnknownNameError, match="great_wave"):
            Session(FakeCamera(), lambda: stylizer, Controls(), display=display, style="grate_wave").run()


def test_the_meter_tells_the_truth() -> None:
    meter = Meter()
    for n in range(90):
        meter.add(n / 30, n / 30 + 0.05)
    now = 89 / 30 + 0.05
    assert meter.fps(now) == pytest.approx(30)
    assert meter.latency(now) == pytest.approx(0.05)
    assert meter.fps(now + 1) < 16  # nothing came in the last second
    assert meter.fps(now + 3) == 0
    assert "90 frames in 3 s: 30.0 a second, latency 50 ms" in meter.summary()
    other = Meter()
    for shown in (0.05, 0.05, 1.0):  # one late frame is no measure
        other.add(0.0, shown)
    assert other.latency(1.0) == 0.05
    assert other.latency(9.0) == 0
