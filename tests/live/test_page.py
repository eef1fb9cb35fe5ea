"""The page in a real browser, its camera fed from a clip."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import CAMERAS, NAME, SIDES, Served, Visit, colours_of
from helpers import photo_pixels
from PIL import Image

from style_transfer.media.camera import Shot
from style_transfer.media.mailbox import Mailbox
from style_transfer.runtime.stylizer import Stylizer

TOKEN = "open-sesame-please"


def test_the_browsers_camera_comes_back_painted(
    browser: Any, served: str, stylizer: Stylizer, tmp_path: Path
) -> None:
    colours = colours_of(stylizer, photo_pixels(480, 640))
    with Visit(browser, served, viewport={"width": 1280, "height": 800}) as visit:
        page = visit.page
        page.click("#start")
        visit.shows(colours, "great_wave")
        page.keyboard.press("3")
        visit.shows(colours, "the_scream")
        assert page.get_attribute(".tile >> nth=2", "aria-checked") == "true"
        page.click(".tile >> nth=1")
        visit.shows(colours, "starry_night")
        page.keyboard.press("n")
        visit.shows(colours, "the_scream")
        # Two sliders mix: all of the second style and nothing of the first is the second.
        page.select_option("#second", "great_wave")
        page.fill("#second-weight", "100")
        page.fill("#first-weight", "0")
        visit.shows(colours, "great_wave")
        page.fill("#strength", "0")
        visit.shows(colours, "photo")
        page.fill("#strength", "100")
        visit.shows(colours, "great_wave")
        visit.until(
            lambda: page.evaluate("document.querySelectorAll('.tile img:not([hidden])').length") == 3,
            "the thumbnails",
        )
        visit.until(lambda: page.inner_text("#latency").isdigit(), "the round trip")
        page.keyboard.press("b")
        assert page.is_visible("#split")
        page.focus("#split")
        page.keyboard.press("End")
        visit.shows(colours, "photo")  # all of it is before
        page.keyboard.press("b")
        with page.expect_download() as saved:
            page.click("#save-button")
        saved.value.save_as(tmp_path / "saved.png")
        with Image.open(tmp_path / "saved.png") as picture:
            assert picture.size == (640, 480)
            seen = np.asarray(picture.convert("RGB")).mean(axis=(0, 1))
        assert np.abs(seen - colours["great_wave"]).max() < 20


def test_a_camera_that_is_started_twice_is_stopped_whole(browser: Any, served: str) -> None:
    slowly = """
        const real = MediaDevices.prototype.getUserMedia;
        window.streams = [];
        MediaDevices.prototype.getUserMedia = async function (...words) {
          const stream = await real.apply(this, words);
          await new Promise((done) => setTimeout(done, 300));
          window.streams.push(stream);
          return stream;
        };"""
    running = "streams.flatMap((stream) => stream.getTracks()).filter((t) => t.readyState == 'live').length"
    with Visit(browser, served, slowly) as visit:
        page = visit.page
        page.evaluate("for (const _ of [1, 2]) document.getElementById('start').click()")
        page.wait_for_selector("body[data-mode=live]")
        visit.until(lambda: page.evaluate(f"[streams.length, {running}]") == [2, 1], "one camera")
        # In a list of styles letters look for a style.
        page.focus("#first")
        page.keyboard.press("v")
        page.wait_for_timeout(300)
        assert page.get_attribute("body", "data-mode") == "live"
        page.click("#camera-button")
        page.wait_for_selector("body[data-mode=idle]")
        assert page.evaluate(running) == 0


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("NotAllowedError", "refused"),
        ("NotFoundError", "Plug one in"),
        ("OverconstrainedError", "Plug one in"),  # in WebKit, where there is none at all
        ("NotReadableError", "busy"),
    ],
)
def test_without_a_camera_the_page_says_why(browser: Any, served: str, error: str, advice: str) -> None:
    refuse = f"MediaDevices.prototype.getUserMedia = async () => {{ throw new DOMException('', '{error}') }}"
    with Visit(browser, served, refuse) as visit:
        visit.page.click("#start")
        assert advice in visit.message()
        assert visit.page.is_visible("#start")


def test_over_plain_http_the_token_opens_and_https_is_asked_for(browser: Any, stylizer: Stylizer) -> None:
    server = Served(stylizer, host="0.0.0.0", token=TOKEN)
    try:
        url = f"http://{NAME}:{server.port}/"
        context = browser.new_context()
        stranger = context.new_page()
        assert stranger.goto(url).status == 401
        context.close()
        with Visit(browser, f"{url}?token={TOKEN}") as visit:
            assert visit.page.url == url
            visit.page.click("#start")
            assert "HTTPS" in visit.message()
    finally:
        server.close()


def test_the_other_camera_is_the_next_one(browser: Any, served: str) -> None:
    with Visit(browser, served, CAMERAS) as visit:
        page = visit.page
        page.click("#start")
        for asked, mirrored in (("desk", True), ("shelf", True), ("back", False), ("desk", True)):
            visit.until(lambda name=asked: page.evaluate("asked").pop() == name, asked)  # type: ignore[misc]
            mirror = f"#mirror-button[aria-pressed={str(mirrored).lower()}]"
            page.wait_for_selector(f"body[data-mode=live] {mirror}")
            page.wait_for_selector("#message", state="hidden")
            page.keyboard.press("t")
        page.wait_for_selector("#turn-button", state="visible")
        page.evaluate("cameras.length = 1; navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
        page.wait_for_selector("#turn-button", state="hidden")


def test_a_frozen_picture_is_mirrored_and_a_camera_that_fails_leaves_no_dead_end(
    browser: Any, served: str
) -> None:
    def lighter(side: int) -> bool:
        sides = visit.page.evaluate(SIDES)
        return bool(sides[side] > sides[1 - side] + 20)

    with Visit(browser, served, CAMERAS) as visit:
        page = visit.page
        page.fill("#strength", "0")
        page.click("#start")
        visit.until(lambda: lighter(0), "the picture, mirrored")
        page.click("#freeze-button")
        page.keyboard.press("m")
        visit.until(lambda: lighter(1), "the picture as it is")
        page.evaluate("problem = 'NotReadableError'")
        page.keyboard.press("t")
        page.wait_for_selector("body[data-mode=idle]")
        assert "busy" in visit.message()
        assert page.get_attribute("#freeze-button", "aria-pressed") == "false"
        page.evaluate("problem = null")
        page.click("#start")
        page.wait_for_selector("body[data-mode=live]")
        page.keyboard.press(" ")
        page.wait_for_selector("#freeze-button[aria-pressed=true]")


def test_keys_work_after_a_slider_was_touched(browser: Any, served: str) -> None:
    def look() -> list[Any]:
        parts = (
            "[first.selectedIndex, strength.valueAsNumber, document.getElementById('keep-colors').checked]"
        )
        return list(visit.page.evaluate(parts))

    with Visit(browser, served, CAMERAS) as visit:
        page = visit.page
        page.click("#start")
        page.wait_for_selector("body[data-mode=live]")
        visit.until(lambda: page.evaluate("!!canvas.getContext('2d')"), "the picture")
        page.focus("#strength")
        page.keyboard.press("2")
        page.keyboard.press("ArrowLeft")  # moves the slider
        page.keyboard.press("C")
        assert look() == [1, 99, True]
        page.keyboard.press("-")
        page.keyboard.press("n")
        assert look() == [2, 89, True]
        page.keyboard.press(" ")
        page.wait_for_selector("#freeze-button[aria-pressed=true]")
        for _ in range(4):  # held down
            page.keyboard.down("c")
        page.keyboard.up("c")
        for _ in range(3):
            page.keyboard.down("-")
        assert look() == [2, 59, False]


def test_arrows_mix_from_the_shares_that_are_shown(browser: Any, served: str) -> None:
    with Visit(browser, served) as visit:
        page = visit.page
        page.fill("#first-weight", "100")
        page.fill("#second-weight", "100")
        page.focus("#gallery .tile[tabindex='0']")
        page.evaluate("document.activeElement.blur()")
        for key, shares in (("ArrowLeft", ["60 %", "40 %"]), ("ArrowRight", ["50 %", "50 %"])):
            page.keyboard.press(key)
            assert [page.input_value(f"#{name}-weight") + " %" for name in ("first", "second")] == shares
            assert [
                page.evaluate(f"document.getElementById('{name}-share').value")
                for name in ("first", "second")
            ] == shares


class _MachinesCamera:
    def __init__(self) -> None:
        self.shots: Mailbox[Shot] = Mailbox()


def test_a_camera_of_the_server_that_gives_nothing_is_waited_for_in_words(
    browser: Any, stylizer: Stylizer
) -> None:
    camera = _MachinesCamera()
    server = Served(stylizer, camera=camera)
    waits = "Waiting for this machine's camera…"
    try:
        with Visit(browser, f"http://localhost:{server.port}/") as visit:
            for _ in range(2):  # before its first picture, and when it is unplugged
                assert visit.message() == waits
                camera.shots.put(Shot(photo_pixels(48, 64), time.perf_counter()))
                visit.page.wait_for_selector("#message", state="hidden")
            assert visit.page.get_attribute("body", "data-mode") == "live"
    finally:
        server.close()


def test_the_screen_stays_on_while_live_and_in_full_screen_is_left_to_the_picture(
    browser: Any, served: str
) -> None:
    locks = """
        window.held = 0;
        Object.defineProperty(navigator, "wakeLock", {value: {request: async () => {
          held++;
          return {released: false, async release() { held -= !this.released; this.released = true; }};
        }}});"""
    with Visit(browser, served, CAMERAS, locks) as visit:
        page = visit.page
        page.click("#start")
        page.wait_for_selector("body[data-mode=live]")
        visit.until(lambda: page.evaluate("held") == 1, "the lock")
        page.keyboard.press("f")
        page.wait_for_selector(".stage.resting")
        assert page.is_hidden("#tools")
        page.wait_for_timeout(500)  # a page that is drawn anew is no hand on the pointer
        assert page.is_hidden("#tools")
        page.mouse.move(200, 200)
        page.wait_for_selector("#tools", state="visible")
        page.wait_for_selector(".stage.resting")
        page.keyboard.press("f")
        page.wait_for_selector("#tools", state="visible")
        page.keyboard.press("v")
        visit.until(lambda: page.evaluate("held") == 0, "the end of the lock")
