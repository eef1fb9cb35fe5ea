"""Sources: the newest frame only, in RGB, at its own speed, and back after it was lost."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import make_clip

from style_transfer.errors import InputFileError, UnknownNameError, UserError
from style_transfer.media import sources
from style_transfer.media.camera import Camera, Shot
from style_transfer.media.mailbox import Mailbox
from style_transfer.media.sources import Source


class FakeCapture:
    """A camera of red frames that breaks off after so many."""

    def __init__(self, frames: int = 10**9, period: float = 0.001) -> None:
        self.left, self.period, self.released = frames, period, False

    def grab(self) -> bool:
        time.sleep(self.period)
        self.left -= 1
        return self.left >= 0

    def retrieve(self) -> tuple[bool, np.ndarray]:
        frame = np.zeros((6, 8, 3), np.uint8)
        frame[..., 2] = 255  # red, in the order of OpenCV
        return True, frame

    def get(self, prop: int, /) -> float:
        return {cv2.CAP_PROP_FRAME_WIDTH: 8.0, cv2.CAP_PROP_FRAME_HEIGHT: 6.0}.get(prop, 0.0)

    def release(self) -> None:
        self.released = True


def wait_for(condition) -> None:
    end = time.perf_counter() + 30
    while not condition():
        assert time.perf_counter() < end
        time.sleep(0.005)


def test_the_mailbox_gives_the_newest_once() -> None:
    box: Mailbox[int] = Mailbox()
    for n in range(5):
        box.put(n)
    assert box.take(0) == 4
    assert box.take(0) is None
    box.put(5)
    box.close()
    assert not box.ended
    assert box.take(10) == 5
    assert box.take(10) is None
    assert box.ended


def test_the_mailbox_wakes_who_waits_and_gives_nothing_twice() -> None:
    box: Mailbox[int] = Mailbox()
    got: list[int] = []

    def take() -> None:
        while not box.ended:
            item = box.take(5)
            if item is not None:
                got.append(item)

    thread = threading.Thread(target=take)
    thread.start()
    for n in range(2000):
        box.put(n)
    box.close()
    thread.join(10)
    assert not thread.is_alive()
    assert got == sorted(set(got))
    assert got[-1] == 1999


def test_frames_are_rgb_and_tell_when_they_came() -> None:
    camera = Camera(Source("0"), opener=FakeCapture)
    assert camera.size == (6, 8)
    assert camera.fps == 30
    assert not camera.is_file
    before = time.perf_counter()
    camera.start()
    shot = camera.shots.take(10)
    camera.close()
    assert shot is not None
    assert (shot.pixels == (255, 0, 0)).all()
    assert before <= shot.time <= time.perf_counter()


def test_a_slow_taker_gets_fresh_frames_only() -> None:
    class Numbered(FakeCapture):
        number = 0

        def retrieve(self) -> tuple[bool, np.ndarray]:
            self.number += 1
            return True, np.full((6, 8, 3), (self.number // 256, self.number % 256, 0), np.uint8)

    capture = Numbered()
    camera = Camera(Source("0"), opener=lambda: capture)
    camera.start()
    for _ in range(5):
        seen = capture.number
        wait_for(lambda seen=seen: capture.number > seen + 20)
        least = capture.number - 1  # the last may not have arrived yet
        shot = camera.shots.take(10)
        assert shot is not None
        _, low, high = shot.pixels[0, 0].tolist()
        assert 256 * high + low >= least
    camera.close()


def test_a_lost_camera_is_told_of_once_and_opened_again() -> None:
    opened: list[FakeCapture | None] = [FakeCapture(3), None, FakeCapture(0), None, FakeCapture()]
    made = list(opened)
    lines: list[str] = []
    camera = Camera(Source("0"), opener=lambda: made.pop(0), notify=lines.append, backoff=(0.01, 0.02))
    camera.start()
    wait_for(lambda: len(lines) == 2)
    camera.shots.take(0)
    assert camera.shots.take(10) is not None
    assert camera.connected
    camera.close()
    assert lines == ["'0' gives no more pictures; waiting for it to come back", "'0' is back"]
    assert all(capture.released for capture in opened if capture)


def test_while_it_is_lost_it_says_so_and_can_be_closed() -> None:
    made: list[FakeCapture | None] = [FakeCapture(1)]
    camera = Camera(Source("0"), opener=lambda: made.pop(0) if made else None, backoff=(0.01, 5.0))
    camera.start()
    wait_for(lambda: not camera.connected)
    start = time.perf_counter()
    camera.close()
    assert time.perf_counter() - start < 3
    assert camera.shots.take(0) is None or camera.shots.ended


class Patience(threading.Event):
    """Time that passes by waiting alone."""

    now = 100.0

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.is_set()


def test_a_file_plays_at_its_own_speed_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, patience = make_clip(tmp_path / "clip.mp4", pts=[0, 3, 6, 12, 15], pixels=None), Patience()
    camera = Camera(Source(str(clip)), clock=lambda: patience.now)
    assert camera.is_file
    assert camera.size == (48, 64)
    shots: list[Shot] = []
    monkeypatch.setattr(camera, "_stop", patience)
    monkeypatch.setattr(camera.shots, "put", shots.append)
    camera._run()
    assert camera.shots.ended
    assert [shot.time - 100 for shot in shots] == pytest.approx([0, 0.25, 0.5, 1.0, 1.25])
    assert patience.now - 100 > 1.25


def test_a_file_whose_name_is_no_unicode_is_opened(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pts=[0], pixels=None)
    clip = clip.rename(tmp_path / os.fsdecode(b"caf\xe9.mp4"))
    capture = Source(str(clip)).open()
    assert capture.grab()
    capture.release()


def test_a_file_whose_clock_jumps_plays_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Jumping(FakeCapture):
        positions = (
            0,
            100,
            200,
            3_600_000,
            3_600_100,
            3_610_100,
        )  # the last comes ten seconds later: a still

        def get(self, prop: int, /) -> float:
            if prop == cv2.CAP_PROP_POS_MSEC:
                return self.positions[5 - self.left]
            return 6.0 if prop == cv2.CAP_PROP_FRAME_COUNT else super().get(prop)

    patience = Patience()
    camera = Camera(Source("a.ts"), clock=lambda: patience.now, opener=lambda: Jumping(6, 0))
    shots: list[Shot] = []
    monkeypatch.setattr(camera, "_stop", patience)
    monkeypatch.setattr(camera.shots, "put", shots.append)
    camera._run()
    assert [shot.time - 100 for shot in shots] == pytest.approx([0, 0.1, 0.2, 0.2, 0.3, 10.3])


def test_a_file_in_a_loop_goes_on(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pts=range(3))
    camera = Camera(Source(str(clip)), loop=True)
    camera.start()
    for _ in range(7):
        assert camera.shots.take(10) is not None
    camera.close()
    wait_for(lambda: camera.shots.take(0) is None and camera.shots.ended)


def test_a_clip_in_a_loop_whose_address_does_not_answer_is_waited_for() -> None:
    class Clip(FakeCapture):
        def get(self, prop: int, /) -> float:
            return 3.0 if prop == cv2.CAP_PROP_FRAME_COUNT else super().get(prop)

    made: list[FakeCapture | None] = [Clip(3), None, None, Clip(3), Clip(3)]
    lines: list[str] = []
    camera = Camera(
        Source("http://example.com/clip.mp4"),
        loop=True,
        opener=lambda: made.pop(0) if made else Clip(3),
        notify=lines.append,
        backoff=(0.01,),
    )
    assert camera.is_file
    camera.start()
    wait_for(lambda: len(lines) == 2)
    assert "waiting for it" in lines[0]
    assert "is back" in lines[1]
    assert camera.connected
    camera.close()


def test_what_cannot_be_opened_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "list_sources", lambda: [("/dev/video2", "HD Webcam")])
    with pytest.raises(UserError, match=r"/dev/video2 \(HD Webcam\).*--source clip.mp4") as caught:
        Camera(Source("/dev/video97"))
    assert "\n" not in str(caught.value)
    with pytest.raises(InputFileError, match=r"no file 'nothing\.mp4'"):
        Camera(Source("nothing.mp4"))
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(UserError, match="cannot read video"):
        Camera(Source(str(tmp_path / "text.mp4")))
    with pytest.raises(UnknownNameError, match="did you mean 'v4l2'"):
        Source("0", backend="v4l").open()


def test_no_message_shows_a_password() -> None:
    assert str(Source("rtsp://me:secret@house/1")) == "rtsp://me:***@house/1"
    assert str(Source("rtsp://me:p@ss/word@house/1")) == "rtsp://me:***@house/1"
    assert str(Source("rtsp://me:1234@house:554/1")) == "rtsp://me:***@house:554/1"
    assert str(Source("rtsp://house:554/1?a@b")) == "rtsp://house:554/1?a@b"


def test_a_number_that_no_camera_can_have() -> None:
    with pytest.raises(UserError, match="camera '99999999999' cannot be opened"):
        Source("99999999999").open()


def test_the_kernels_list_names_what_gives_pictures(tmp_path: Path) -> None:
    for name, index, about in (
        ("video10", "0", "Late"),
        ("video0", "0", "HD Webcam"),
        ("video1", "1", "HD Webcam"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index").write_text(f"{index}\n")
        (tmp_path / name / "name").write_text(f"{about}\n")
    assert sources._listed_by_kernel(tmp_path) == [("/dev/video0", "HD Webcam"), ("/dev/video10", "Late")]
