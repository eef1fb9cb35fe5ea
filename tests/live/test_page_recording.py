"""Recording what the page paints, in a real browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from browsing import CAMERAS, Served, Visit, colours_of
from helpers import photo_pixels
from PIL import Image

from style_transfer.media.camera import Shot
from style_transfer.media.mailbox import Mailbox
from style_transfer.runtime.stylizer import Stylizer

_AS_FIREFOX = """
    const {captureStream, getContext} = HTMLCanvasElement.prototype, drawn = new WeakSet();
    HTMLCanvasElement.prototype.getContext = function (...words) {
      drawn.add(this);
      return getContext.apply(this, words);
    };
    HTMLCanvasElement.prototype.captureStream = function (...words) {
      if (!drawn.has(this)) throw new Error("this canvas has no context");
      return captureStream.apply(this, words);
    };
    const supported = MediaRecorder.isTypeSupported;
    MediaRecorder.isTypeSupported = (type) => !type.includes("mp4") && supported(type);"""
_RECORDS = "#record-button[aria-pressed=true]"
_RESTS = "#record-button[aria-pressed=false]"


def _recorded(visit: Visit, end: Callable[[], object], folder: Path) -> tuple[str, list[Any]]:
    """Name and frames of what is saved once ``end`` is called; frames as (seconds, pixels)."""
    with visit.page.expect_download() as saved:
        end()
    name = saved.value.suggested_filename
    saved.value.save_as(folder / name)
    with av.open(str(folder / name)) as file:
        assert [stream.type for stream in file.streams] == ["video"]
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)]
    assert visit.page.is_hidden("#recording")
    return name, frames


@pytest.mark.parametrize(("scripts", "extension"), [([], "mp4"), ([_AS_FIREFOX], "webm")])
def test_what_the_camera_becomes_is_recorded_as_it_is_seen(
    browser: Any, served: str, stylizer: Stylizer, tmp_path: Path, scripts: list[str], extension: str
) -> None:
    colours = colours_of(stylizer, photo_pixels(480, 640))
    with Visit(browser, served, *scripts) as visit:
        page = visit.page
        page.keyboard.press("r")  # nothing is there to record
        page.wait_for_selector(_RESTS, state="attached")
        page.click("#start")
        visit.shows(colours, "great_wave")
        page.keyboard.press("r")
        page.wait_for_selector(_RECORDS)
        page.wait_for_selector("#recorded:text('0:01')")
        page.keyboard.press("2")
        visit.shows(colours, "starry_night")
        page.wait_for_timeout(1000)
        name, frames = _recorded(visit, lambda: page.click("#record-button"), tmp_path)
        page.wait_for_selector(_RESTS)
    assert name.startswith("painted-")
    assert name.endswith(f".{extension}")
    assert len(frames) > 10
    assert {pixels.shape for _, pixels in frames} == {(480, 640, 3)}
    assert frames[-1][0] - frames[0][0] > 1.5
    for pixels, style in ((frames[0][1], "great_wave"), (frames[-1][1], "starry_night")):
        seen = pixels.mean(axis=(0, 1))
        assert min(colours, key=lambda key: float(np.abs(colours[key] - seen).sum())) == style


def test_a_recording_keeps_its_size_when_the_pictures_change_theirs_and_what_stays_lasts(
    browser: Any, served: str, tmp_path: Path
) -> None:
    for name, size in (("wide", (201, 320)), ("high", (300, 160))):
        Image.fromarray(np.full((*size, 3), 200, np.uint8)).save(tmp_path / f"{name}.png")
    with Visit(browser, served) as visit:
        page = visit.page
        page.fill("#strength", "0")
        page.set_input_files("#file", tmp_path / "wide.png")
        page.wait_for_selector("body[data-mode=photo]")
        page.keyboard.press("r")
        page.wait_for_timeout(1500)
        page.set_input_files("#file", tmp_path / "high.png")
        visit.until(lambda: page.evaluate("canvas.width") == 160, "the other photo")
        page.wait_for_timeout(2000)
        _, frames = _recorded(visit, lambda: page.keyboard.press("r"), tmp_path)
    assert {pixels.shape for _, pixels in frames} == {(200, 320, 3)}
    assert frames[-1][0] > 2.5
    first, last = frames[0][1].mean(axis=(0, 2)), frames[-1][1].mean(axis=(0, 2))
    assert first.min() > 180  # no bars where a pixel is missing
    assert last[:95].max() < 40
    assert last[120:200].min() > 180
    assert last[-95:].max() < 40


def test_a_recording_ends_with_its_source_and_nobody_leaves_it_unasked(
    browser: Any, served: str, tmp_path: Path
) -> None:
    with Visit(browser, served, CAMERAS) as visit:
        page = visit.page
        lose = """() => {
          const [track] = document.getElementById("video").srcObject.getVideoTracks();
          track.stop();
          track.dispatchEvent(new Event("ended"));
        }"""
        for end in (lambda: page.keyboard.press("v"), lambda: page.evaluate(lose)):
            page.keyboard.press("v")
            visit.until(lambda: page.inner_text("#size") != "", "a painting")
            page.click("#record-button")
            page.wait_for_selector(_RECORDS)
            page.wait_for_selector("#recorded:text('0:01')")
            _, frames = _recorded(visit, end, tmp_path)
            assert frames
            assert page.get_attribute("body", "data-mode") == "idle"
        page.click("#start")
        page.wait_for_selector("body[data-mode=live]")
        page.keyboard.press("r")
        page.wait_for_selector(_RECORDS)
        asked = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        page.close(run_before_unload=True)
        visit.until(lambda: asked == ["beforeunload"], "the question")
        _recorded(visit, lambda: page.keyboard.press("r"), tmp_path)


class _MachinesCamera:
    def __init__(self) -> None:
        self.shots: Mailbox[Shot] = Mailbox()


def test_the_servers_pictures_are_recorded_until_it_ends(
    browser: Any, stylizer: Stylizer, tmp_path: Path
) -> None:
    camera = _MachinesCamera()
    server = Served(stylizer, camera=camera)
    with Visit(browser, f"http://localhost:{server.port}/") as visit:
        camera.shots.put(Shot(photo_pixels(48, 64), time.perf_counter()))
        visit.page.wait_for_selector("body[data-mode=live]")
        visit.page.keyboard.press("r")
        visit.page.wait_for_selector("#recorded:text('0:01')")
        _, frames = _recorded(visit, server.close, tmp_path)
    assert frames[0][1].shape == (960, 1280, 3)


def test_a_recording_that_came_to_nothing_is_no_file_but_a_word(browser: Any, served: str) -> None:
    deaf = """
        window.saved = 0;
        URL.createObjectURL = (blob) => { saved += blob.type.startsWith("video"); return "data:,"; };
        window.MediaRecorder = class {  // as WebKitGTK's where a codec is missing
          static isTypeSupported() { return true; }
          constructor(stream) { Object.assign(this, {stream, state: "inactive"}); }
          start() { this.state = "recording"; }
          stop() {
            this.state = "inactive";
            this.ondataavailable({data: new Blob([])});
            this.onstop();
          }
        };"""
    with Visit(browser, served, CAMERAS, deaf) as visit:
        page = visit.page
        page.click("#start")
        page.wait_for_selector("body[data-mode=live]")
        page.keyboard.press("r")
        page.wait_for_selector(_RECORDS)
        assert page.evaluate("document.querySelectorAll('body > canvas').length") == 1
        page.keyboard.press("r")
        assert visit.message() == "Nothing was recorded: this browser made no video of it."
        assert page.evaluate("[saved, document.querySelectorAll('body > canvas').length]") == [0, 0]


def test_a_browser_that_cannot_record_has_no_button_for_it(browser: Any, served: str) -> None:
    with Visit(browser, served, CAMERAS, "delete window.MediaRecorder;") as visit:
        page = visit.page
        page.click("#start")
        page.wait_for_selector("body[data-mode=live]")
        page.keyboard.press("r")
        assert page.is_hidden("#record-button")
        assert page.is_hidden("#recording")
        assert "record" not in page.text_content("#keys")
