"""Recordings: true times, any size, whole after whatever happens; and the other sinks."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
import types
from pathlib import Path

import av
import numpy as np
import pytest
from helpers import photo_pixels

from style_transfer.errors import OutputError, UserError
from style_transfer.lock import sole_writer
from style_transfer.media import recorder as recorder_module
from style_transfer.media.recorder import Recorder
from style_transfer.media.sinks import VirtualCamera, fitted
from style_transfer.media.window import key_name

ENDLESS = """
import itertools, sys, time
from pathlib import Path
import numpy as np
from style_transfer.media.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]))
for n in itertools.count():
    recorder.show(np.full((48, 64, 3), n % 250, np.uint8), 100 + n / 30)
    while recorder.frames < n:
        time.sleep(0.001)
    print(n, flush=True)
"""


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]


def record(target: Path, times: list[float], size: tuple[int, int] = (48, 64)) -> Recorder:
    recorder = Recorder(target)
    for n, time in enumerate(times):
        recorder.show(photo_pixels(*size, seed=n), time)
    recorder.close()
    return recorder


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".mov"])
def test_every_frame_keeps_its_time(tmp_path: Path, extension: str) -> None:
    times = [1000.0, 1000.033, 1000.1, 1000.101, 1002.5, 1002.533]
    recorder = record(tmp_path / f"out{extension}", times)
    assert recorder.frames == 6
    assert recorder.dropped == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"out{extension}"]
    assert times_of(recorder.target) == pytest.approx([t - 1000 for t in times], abs=0.0011)


def test_the_picture_is_what_was_shown(tmp_path: Path) -> None:
    pixels = np.full((48, 64, 3), (200, 60, 30), np.uint8)
    recorder = Recorder(tmp_path / "out.mp4")
    recorder.show(pixels, 0.0)
    recorder.close()
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        decoded = next(container.decode(stream)).to_ndarray(format="rgb24")
    assert np.abs(decoded.astype(int) - pixels).max() <= 6


def test_odd_sizes_are_padded_and_a_change_of_size_fitted(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.mp4")
    recorder.show(photo_pixels(31, 45), 0.0)
    recorder.show(photo_pixels(60, 40), 0.1)
    recorder.close()
    with av.open(str(tmp_path / "out.mp4")) as container:
        frames = list(container.decode(video=0))
    assert [(frame.width, frame.height) for frame in frames] == [(46, 32)] * 2


def test_a_slow_encoder_loses_frames_but_never_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "_WAITING", 2)
    recorder = Recorder(tmp_path / "out.mp4")
    pixels = photo_pixels(480, 640)
    for n in range(60):
        recorder.show(pixels, n / 30)
    recorder.close()
    assert recorder.dropped > 0
    assert recorder.frames + recorder.dropped == 60
    assert len(times_of(recorder.target)) == recorder.frames


def test_nothing_shown_makes_no_file(tmp_path: Path) -> None:
    Recorder(tmp_path / "out.mp4").close()
    assert list(tmp_path.iterdir()) == []


def test_names_that_cannot_be(tmp_path: Path) -> None:
    for name in ("out.avi", "out.webm", "out"):
        with pytest.raises(UserError):
            Recorder(tmp_path / name)
    (tmp_path / "there.mp4").write_bytes(b"x")
    with pytest.raises(UserError, match="exists already"):
        Recorder(tmp_path / "there.mp4")
    recorder = Recorder(tmp_path / "there.mp4", overwrite=True)
    recorder.close()
    assert (tmp_path / "there.mp4").read_bytes() == b"x"  # nothing came to replace it


def test_a_disk_that_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"cannot write .*a file of that name is in the way"):
        Recorder(tmp_path / "file" / "out.mp4")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("av.open", refuse)
    recorder = Recorder(tmp_path / "out.mp4")
    recorder.show(photo_pixels(48, 64), 0.0)
    with pytest.raises(OutputError, match="the disk is full"):
        recorder.close()
    recorder.show(photo_pixels(48, 64), 0.1)
    recorder.close()


def test_killed_it_can_be_played_to_the_last_second(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    shown = 0
    for line in process.stdout:
        shown = int(line)
        if shown >= 100:
            break
    process.kill()
    process.wait()
    process.stdout.close()
    assert {path.name for path in tmp_path.iterdir()} == {"out.partial.mkv", ".out.mp4.lock"}
    assert len(times_of(tmp_path / "out.partial.mkv")) >= shown - 30


def test_fitting_keeps_the_shape() -> None:
    pixels = np.full((50, 100, 3), 200, np.uint8)
    result = fitted(pixels, (100, 100))
    assert (result[25:75] == 200).all()
    assert (result[:25] == 0).all()
    assert fitted(pixels, (100, 50)) is pixels


def test_the_virtual_camera_gets_frames_of_one_size(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[np.ndarray] = []

    class FakeDevice:
        def __init__(self, width: int, height: int, fps: float) -> None:
            self.width, self.height, self.fps, self.closed = width, height, fps, False

        def send(self, pixels: np.ndarray) -> None:
            assert pixels.flags.c_contiguous
            sent.append(pixels)

        def close(self) -> None:
            self.closed = True

    monkeypatch.setitem(sys.modules, "pyvirtualcam", types.SimpleNamespace(Camera=FakeDevice))
    camera = VirtualCamera(25)
    camera.show(photo_pixels(48, 64), 0.0)
    camera.show(photo_pixels(24, 64), 0.1)
    camera.close()
    assert [frame.shape for frame in sent] == [(48, 64, 3)] * 2


def test_a_virtual_camera_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(UserError, match="pip install"):
        VirtualCamera(30)

    def refuse(**_: object) -> None:
        raise RuntimeError("no device")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", types.SimpleNamespace(Camera=refuse))
    with pytest.raises(UserError, match="v4l2loopback"):
        VirtualCamera(30).show(photo_pixels(48, 64), 0.0)


def test_keys_of_every_system() -> None:
    assert [key_name(code) for code in (65361, 0x250000, 0xF702)] == ["left"] * 3
    assert [key_name(code) for code in (65363, 0x270000, 0xF703)] == ["right"] * 3
    assert key_name(27) == "escape"
    assert key_name(ord("q") | 0x100000) == "q"  # NumLock
    assert key_name(65505) == ""  # Shift alone
    assert key_name(ord(" ")) == " "


def test_one_process_records_to_a_file(tmp_path: Path) -> None:
    target = tmp_path / "out.mkv"
    with sole_writer(target), pytest.raises(UserError, match="is being written by another run"):
        Recorder(target, overwrite=True)
    recorder = Recorder(target)
    recorder.show(photo_pixels(48, 64), 0.0)
    recorder.close()
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]


def test_a_recorder_that_is_behind_ends_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a full queue there is no room for the word that it is the end."""
    recorder = Recorder(tmp_path / "out.mkv")
    slow = threading.Event()
    encode = Recorder._encode
    monkeypatch.setattr(Recorder, "_encode", lambda *args: (slow.wait(), encode(*args)))
    for number in range(40):
        recorder.show(photo_pixels(48, 64), number / 30)
    recorder.stop()
    slow.set()
    recorder.close()
    assert recorder.frames + recorder.dropped == 40
