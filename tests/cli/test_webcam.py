"""The command: how it fails, what it records, how it ends, and a real window with real keys."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from helpers import ROOT, photo_pixels
from PIL import ImageGrab

from style_transfer.cli import webcam_run
from style_transfer.cli.webcam import main
from style_transfer.errors import UserError
from style_transfer.live.controls import Controls, Scene
from style_transfer.runtime.stylizer import Stylizer


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of 96x72 pixels at 20 frames a second, all the same."""
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.avi", 96, 72)


def write_clip(path: Path, width: int, height: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (width, height))
    for _ in range(20):
        writer.write(photo_pixels(height, width)[..., ::-1])
    writer.release()
    return path


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_help_is_quick_and_imports_nothing_slow() -> None:
    code = (
        "import sys\nfrom style_transfer.cli.webcam import build_parser\nbuild_parser().format_help()\n"
        "sys.exit(bool({'torch', 'numpy', 'cv2', 'av', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--source", "nothing.mp4"], "there is no file 'nothing.mp4'"),
        (["--source", "/dev/video97"], "or play a file: --source clip.mp4"),
        (["--resolution", "big"], "such as 1280x720"),
        (["--resolution", "0x10"], "such as 1280x720"),
        (["--strength", "2"], "--strength must be between 0 and 1"),
        (["--target-fps", "0"], "--target-fps must be above 0"),
        (["--cycle", "nan"], "--cycle must be above 0"),
    ],
)
def test_mistakes_are_told_in_one_line(
    words: list[str], problem: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*words, "--headless", "--record", str(tmp_path / "out.mp4")]) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--port", "80"], "--port is a page's; add --serve"),
        (["--max-clients", "2"], "--max-clients is a page's; add --serve"),
        (["--serve", "--mirror"], "--mirror is for a source of this machine"),
        (["--serve", "--target-fps", "9"], "--target-fps is for a source of this machine"),
        (["--serve", "--resolution", "640x480"], "--resolution is for a source of this machine"),
    ],
)
def test_flags_that_would_be_of_no_effect(
    words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert problem in capsys.readouterr().err


def test_every_flag_of_the_look_arrives(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def session(_camera: object, _load: object, controls: Controls, **more: Any) -> None:
        asked.update(more, scene=controls.scene(0.0), text=controls.text)
        controls.set_styles(["one", "two"], (1.0, 0.0), 0.0)
        controls.scene(6.9)
        asked["before"], _ = controls.mix, controls.scene(7.0)
        asked["after"] = controls.mix
        raise UserError("enough")

    monkeypatch.setattr(webcam_run, "Session", session)
    look = "--style udnie --strength 0.5 --preserve-color --mirror --cycle 7 --no-text"
    words = f"--source {clip} --headless --record out.mp4 --target-fps 9 --statistics live"
    assert main([*words.split(), *look.split()]) == 2
    assert asked["scene"] == Scene(strength=0.5, preserve_color=True, mirror=True)
    assert (asked["before"], asked["after"], asked["text"]) == ("one", "two", False)
    assert (asked["style"], asked["target_fps"], asked["statistics"]) == ("udnie", 9, "live")


def test_a_recording_is_no_webm(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--source", str(clip), "--headless", "--record", str(tmp_path / "out.webm")]) == 2
    assert "out.webm' must end in .mp4, .m4v, .mov or .mkv" in capsys.readouterr().err


def test_what_a_file_passes_over_is_said(
    clip: Path, model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--source", str(clip), "--resolution", "32x32", "--fps", "9", "--headless"]
    assert main([*words, "--record", str(tmp_path / "a.mp4"), "--model", str(model_file)]) == 0
    assert "--resolution and --fps: for cameras" in capsys.readouterr().err


def test_headless_needs_somewhere_to_go(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--headless"])
    assert caught.value.code == 2
    assert "--record" in capsys.readouterr().err


def test_without_a_screen_it_says_what_to_do(
    clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    for display in ("", ":9731"):
        monkeypatch.setenv("DISPLAY", display)
        assert main(["--source", str(clip)]) == 2
        assert "use --serve, or --headless with --record" in capsys.readouterr().err


def test_an_opencv_without_windows_names_the_package(
    clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise cv2.error("The function is not implemented")

    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setattr(cv2, "namedWindow", refuse)
    assert main(["--source", str(clip)]) == 2
    assert "opencv-python-headless" in capsys.readouterr().err


def test_a_clip_is_recorded_painted_from_its_first_frame(
    clip: Path, model_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    words = ["--source", str(clip), "--headless", "--record", str(out), "--model", str(model_file)]
    assert main([*words, "--style", "the_scream", "--device", "cpu", "--precision", "fp32"]) == 0
    stylizer = Stylizer(model_file, "the_scream", device="cpu", precision="fp32")
    expected = stylizer(photo_pixels(72, 96)).mean(axis=(0, 1))
    frames = frames_of(out)
    assert len(frames) >= 5
    for frame in frames:
        assert np.abs(frame.mean(axis=(0, 1)) - expected).max() < 12
    assert main([*words, "--device", "cpu"]) == 2  # it exists already


@pytest.mark.parametrize("shown", ["out.mp4", "out.partial.mkv"])
def test_the_clip_that_is_shown_is_not_recorded_over(
    clip: Path, tmp_path: Path, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / shown
    source.write_bytes(clip.read_bytes())
    words = ["--source", str(source), "--headless", "--record", str(tmp_path / "out.mp4"), "--overwrite"]
    assert main(words) == 2
    assert "would overwrite the source" in capsys.readouterr().err
    assert source.read_bytes() == clip.read_bytes()


def test_ctrl_c_closes_the_recording_whole(
    clip: Path, model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    partial = tmp_path / "out.partial.mkv"

    def interrupt() -> None:
        while not (partial.exists() and partial.stat().st_size > 2000):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    words = ["--source", str(clip), "--loop", "--headless", "--record", str(tmp_path / "out.mp4")]
    assert main([*words, "--model", str(model_file), "--device", "cpu", "--cycle", "0.2"]) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert frames_of(tmp_path / "out.mp4")
    assert "stopped" in capsys.readouterr().err


def test_an_unknown_style_is_told_after_the_plain_picture(
    clip: Path, model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--source", str(clip), "--headless", "--record", str(tmp_path / "out.mp4")]
    assert main([*words, "--model", str(model_file), "--style", "grate_wave"]) == 2
    assert "did you mean 'great_wave'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# -- a real window -----------------------------------------------------------------------------------


def _missing(reason: str) -> None:
    if os.environ.get("REQUIRE_WINDOW") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def screen() -> Iterator[str]:
    """A virtual screen with a window manager, without which there is neither focus nor full screen."""
    missing = [tool for tool in ("Xvfb", "openbox", "xdotool") if not shutil.which(tool)]
    if missing:
        _missing(f"needs {', '.join(missing)}; REQUIRE_WINDOW=1 makes this a failure")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as numbers:
        number = numbers.readline().strip()
    if not number:
        server.wait()
        _missing("Xvfb gives no display")
    display = f":{number}"
    environment = os.environ | {"DISPLAY": display}
    manager = subprocess.Popen(["openbox"], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield display
    finally:
        for process in (manager, server):
            process.terminate()
            process.wait()


class Desk:
    """Someone who looks at the screen and presses keys."""

    def __init__(self, display: str) -> None:
        self.display, self.window = display, ""

    def do(self, *words: str) -> str:
        environment = os.environ | {"DISPLAY": self.display}
        done = subprocess.run(
            ["xdotool", *words], env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout

    def find(self) -> bool:
        self.window = (self.do("search", "--onlyvisible", "--name", "style-transfer").split() or [""])[-1]
        return bool(self.window)

    def press(self, key: str) -> None:
        self.do("windowfocus", "--sync", self.window)
        self.do("key", key)

    def whole(self) -> np.ndarray:
        """The screen; int RGB."""
        return np.asarray(ImageGrab.grab(xdisplay=self.display).convert("RGB")).astype(int)

    def look(self) -> np.ndarray:
        """The middle of the window, which shows no text; int RGB."""
        geometry = dict(
            line.split("=") for line in self.do("getwindowgeometry", "--shell", self.window).splitlines()
        )
        left, top, width, height = (int(geometry[key]) for key in ("X", "Y", "WIDTH", "HEIGHT"))
        return middle_of(self.whole()[top : top + height, left : left + width])


def middle_of(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    return picture[height // 3 : height * 2 // 3, width // 8 : width * 7 // 8]


def framed_in_black(screen: np.ndarray) -> bool:
    """A picture three times as wide as high: nothing but black above and below."""
    top, middle, bottom = (screen[rows] for rows in (slice(0, 60), slice(280, 320), slice(540, 600)))
    return bool(top.max() < 8 and bottom.max() < 8 and middle.mean() > 20)


def until(condition: Callable[[], bool], what: str, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, f"ended while waiting for {what}"
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.3)  # looking takes time from what is looked at


def test_a_window_that_fills_the_screen(screen: str, model_file: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "wide.avi", 192, 64)
    words = ["--source", str(clip), "--loop", "--model", str(model_file), "--full-screen", "--no-text"]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "webcam.py"), *words, "--device", "cpu"],
        cwd=tmp_path, env=os.environ | {"DISPLAY": screen, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    desk = Desk(screen)

    def fills() -> bool:
        return desk.find() and desk.do("getwindowgeometry", desk.window).endswith("Geometry: 800x600\n")

    try:
        until(fills, "the whole screen", process)
        until(lambda: framed_in_black(desk.whole()), "a black surround", process)
        desk.press("f")
        until(
            lambda: "Geometry: 800x600" not in desk.do("getwindowgeometry", desk.window), "a window", process
        )
        desk.press("q")
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()


# The camera's own picture shows while the styles load; here they wait until it has been looked at.
SLOWLY = """
import pathlib, sys, time
from style_transfer.cli import webcam, webcam_run
load = webcam_run.stylizer_of
def wait_and_load(*asked):
    while not pathlib.Path("load").exists():
        time.sleep(0.05)
    return load(*asked)
webcam_run.stylizer_of = wait_and_load
sys.exit(webcam.main())
"""


def test_a_real_window_with_real_keys(screen: str, clip: Path, model_file: Path, tmp_path: Path) -> None:
    words = ["--source", str(clip), "--loop", "--style", "great_wave", "--model", str(model_file)]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOWLY, *words, "--device", "cpu", "--precision", "fp32"],
        cwd=tmp_path, env=os.environ | {"DISPLAY": screen, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    desk = Desk(screen)
    photo = photo_pixels(72, 96)
    stylizer = Stylizer(model_file, device="cpu", precision="fp32")
    pictures = {None: photo}
    for name in stylizer.model.style_names:
        pictures[name] = stylizer(photo, stylizer.make_look(name))
    colours = {name: middle_of(picture).mean(axis=(0, 1)) for name, picture in pictures.items()}

    def shows(name: str | None) -> Callable[[], bool]:
        """True when of all it could be, the screen shows ``name``."""

        def compare() -> bool:
            seen = desk.look().mean(axis=(0, 1))
            nearest = min(colours, key=lambda key: float(np.abs(colours[key] - seen).sum()))
            return nearest == name and float(np.abs(colours[name] - seen).max()) < 25

        return compare

    try:
        until(desk.find, "the window", process)
        until(shows(None), "the plain picture", process)
        (tmp_path / "load").touch()
        until(shows("great_wave"), "the style", process)
        desk.press("3")
        until(shows("the_scream"), "key 3", process)
        desk.press("n")
        until(shows("great_wave"), "key n", process)
        before = desk.look().mean()
        desk.press("h")
        until(lambda: desk.look().mean() < before - 20, "the help", process)
        desk.press("h")
        until(shows("great_wave"), "the help to go", process)
        size = desk.look().shape
        desk.press("f")
        until(lambda: desk.look().shape > size, "full screen", process)
        desk.press("s")
        until(lambda: bool(list(tmp_path.glob("snapshot-*.png"))), "a snapshot", process)
        desk.press("Escape")
        assert process.wait(60) == 0
    finally:
        process.kill()
        _, lines = process.communicate()
    assert "Traceback" not in lines
    assert "frames in" in lines
