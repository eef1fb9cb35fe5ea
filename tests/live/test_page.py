"""The page in a real browser, its camera fed from a clip."""

from __future__ import annotations

import asyncio
import io
import itertools
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import photo_pixels
from PIL import Image

from style_transfer.live.controls import Scene
from style_transfer.live.web.server import Page as WebPage
from style_transfer.live.web.settings import Settings
from style_transfer.live.web.studio import Studio
from style_transfer.media.camera import Shot
from style_transfer.media.mailbox import Mailbox
from style_transfer.runtime.stylizer import Stylizer

TOKEN = "open-sesame-please"
WAIT = 120_000  # milliseconds; a busy machine is no reason to fail
NAME = "painted.example"  # leads to this machine, but is not its name: no secure context

_COLOUR = """() => {
  const canvas = document.getElementById("canvas");
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const sum = [0, 0, 0];
  for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sum[c] += data[i + c];
  return sum.map((value) => value / (data.length / 4));
}"""


def _missing(reason: str) -> None:
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JPEGs one after the other, which Chromium plays over and over as a camera."""
    path = tmp_path_factory.mktemp("clip") / "clip.mjpeg"
    with io.BytesIO() as file:
        Image.fromarray(photo_pixels(480, 640)).save(file, "JPEG", quality=90)
        path.write_bytes(30 * file.getvalue())
    return path


@pytest.fixture(scope="module")
def browser(clip: Path) -> Iterator[Any]:
    playwright = pytest.importorskip if os.environ.get("REQUIRE_BROWSER") != "1" else None
    if playwright:
        playwright("playwright.sync_api", reason="needs playwright, of the extra [dev]")
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        _missing("needs Chromium; REQUIRE_BROWSER=1 makes this a failure")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={clip}",
                f"--host-resolver-rules=MAP {NAME} 127.0.0.1",
            ],
        )
        yield browser
        browser.close()


class Served:
    """A server in a thread."""

    def __init__(self, stylizer: Stylizer, *, camera: Any = None, **settings: Any) -> None:
        self._stopped = False
        self._studio = Studio(stylizer)
        self._studio.start()
        wanted = Settings(port=0, **settings)
        page = WebPage(self._studio, wanted, Scene((1.0, 0.0, 0.0)), camera=camera)
        listening = wanted.listen()
        self.port = listening.getsockname()[1]
        serving = page.serve(listening, None, lambda: self._stopped)
        self._thread = threading.Thread(target=asyncio.run, args=(serving,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopped = True
        self._thread.join(60)
        self._studio.close()
        assert not self._thread.is_alive()


@pytest.fixture(scope="module")
def served(stylizer: Stylizer) -> Iterator[str]:
    server = Served(stylizer)
    yield f"http://localhost:{server.port}/"
    server.close()


class Visit:
    """Someone on the page; complains about every error that the browser reports."""

    def __init__(self, browser: Any, url: str, *scripts: str, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.errors: list[str] = []
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        for script in scripts:
            self.page.add_init_script(script)
        self.page.goto(url)

    def __enter__(self) -> Visit:
        self.page.wait_for_selector("#link[data-state=open]")
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
        assert self.errors == []

    def until(self, condition: Callable[[], bool], what: str) -> None:
        for _ in range(WAIT // 200):
            if condition():
                return
            self.page.wait_for_timeout(200)
        pytest.fail(f"waited in vain for {what}")

    def shows(self, colours: dict[str, np.ndarray], name: str) -> None:
        """Wait until of all it could be, the canvas shows ``name``."""

        def compare() -> bool:
            seen = np.asarray(self.page.evaluate(_COLOUR))
            nearest = min(colours, key=lambda key: float(np.abs(colours[key] - seen).sum()))
            return nearest == name and float(np.abs(colours[name] - seen).max()) < 20

        self.until(compare, name)

    def message(self) -> str:
        self.page.wait_for_selector("#message:not([hidden])")
        return str(self.page.inner_text("#message"))


def colours_of(stylizer: Stylizer, photo: np.ndarray) -> dict[str, np.ndarray]:
    """The mean colour of the photo and of it in every style."""
    colours = {"photo": photo.mean(axis=(0, 1))}
    for name in stylizer.model.style_names:
        colours[name] = stylizer(photo, stylizer.make_look(name)).mean(axis=(0, 1))
    return colours


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


def test_a_photo_comes_back_painted_and_changes_with_the_look(
    browser: Any, served: str, stylizer: Stylizer, tmp_path: Path
) -> None:
    photo = np.ascontiguousarray(photo_pixels(200, 300, seed=4)[..., ::-1])
    Image.fromarray(photo).save(tmp_path / "photo.png")
    (tmp_path / "text.jpg").write_text("no picture")
    colours = colours_of(stylizer, photo)
    with Visit(browser, served) as visit:
        visit.page.set_input_files("#file", tmp_path / "photo.png")
        visit.shows(colours, "great_wave")
        assert visit.page.evaluate("[canvas.width, canvas.height]") == [300, 200]
        visit.page.keyboard.press("2")
        visit.shows(colours, "starry_night")
        visit.page.set_input_files("#file", tmp_path / "text.jpg")
        assert "no picture that this browser can read" in visit.message()


_LISTEN = """
    window.said = [];
    window.sockets = [];
    const real = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
      if (sockets.at(-1) !== this) sockets.push(this);
      if (typeof data === "string") said.push(JSON.parse(data));
      return real.call(this, data);
    };"""


def test_a_slider_in_motion_tells_now_and_then_and_its_end_always(browser: Any, served: str) -> None:
    drag = """async () => {
      const slider = document.getElementById("strength"), began = performance.now();
      for (let n = 0; n < 100; n++) {
        slider.value = n;
        slider.dispatchEvent(new Event("input"));
        await new Promise((done) => setTimeout(done, 5));
      }
      return performance.now() - began;
    }"""
    with Visit(browser, served, _LISTEN) as visit:
        took = visit.page.evaluate(drag)
        strengths = "said.filter((message) => message.type == 'look').map((look) => look.strength)"
        visit.until(lambda: visit.page.evaluate(strengths)[-1:] == [0.99], "the last look")
        assert 2 <= len(visit.page.evaluate(strengths)) <= took / 80 + 2


def test_a_page_that_said_too_much_at_once_comes_back(browser: Any, served: str) -> None:
    with Visit(browser, served, _LISTEN) as visit:
        visit.until(lambda: visit.page.evaluate("sockets.length") == 1, "the first words")
        visit.page.evaluate(
            'for (let time = 0; time < 1000; time++) sockets[0].send(`{"type": "ping", "time": ${time}}`)'
        )
        visit.until(lambda: visit.page.evaluate("sockets.length") == 2, "another connection")
        visit.page.wait_for_selector("#link[data-state=open]")


@pytest.mark.parametrize(
    ("error", "advice"),
    [("NotAllowedError", "refused"), ("NotFoundError", "Plug one in"), ("NotReadableError", "busy")],
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


def test_a_phone_needs_no_scrolling_sideways_and_its_buttons_are_large_enough(
    browser: Any, served: str
) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with Visit(browser, served, **phone) as visit:
        page = visit.page
        page.tap("#start")
        page.wait_for_selector("#tools")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        for button in page.query_selector_all(".tools .icon, .tile"):
            box = button.bounding_box()
            assert box is None or min(box["width"], box["height"]) >= 44
        tools = page.query_selector("#tools").bounding_box()
        assert tools["x"] >= 0
        assert tools["x"] + tools["width"] <= 390
        page.tap(".tile >> nth=1")
        assert page.get_attribute(".tile >> nth=1", "aria-checked") == "true"


_CAMERAS = """
    window.cameras = ["desk", "shelf", "back"];
    window.asked = [];
    window.problem = null;
    MediaDevices.prototype.enumerateDevices = async () =>
      cameras.map((deviceId) => ({kind: "videoinput", deviceId, label: deviceId}));
    MediaDevices.prototype.getUserMedia = async ({video}) => {
      if (problem) throw new DOMException("", problem);
      const deviceId = video.deviceId?.exact ?? "desk";
      asked.push(deviceId);
      const canvas = Object.assign(document.createElement("canvas"), {width: 320, height: 240});
      const context = canvas.getContext("2d");
      setInterval(() => {  // black on the left, grey on the right
        context.fillStyle = "#000";
        context.fillRect(0, 0, 160, 240);
        context.fillStyle = "#888";
        context.fillRect(160, 0, 160, 240);
      }, 40);
      const stream = canvas.captureStream(25);
      stream.getVideoTracks()[0].getSettings = () =>
        ({deviceId, ...(deviceId === "back" && {facingMode: "environment"})});
      return stream;
    };"""
_SIDES = """() => {
  const {width, height} = canvas, context = canvas.getContext("2d");
  return [0, width / 2].map((left) => {
    const {data} = context.getImageData(left, 0, width / 2, height);
    return data.reduce((sum, value, i) => sum + (i % 4 < 3 ? value : 0), 0) / (data.length / 4) / 3;
  });
}"""


def test_the_other_camera_is_the_next_one(browser: Any, served: str) -> None:
    with Visit(browser, served, _CAMERAS) as visit:
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
        sides = visit.page.evaluate(_SIDES)
        return bool(sides[side] > sides[1 - side] + 20)

    with Visit(browser, served, _CAMERAS) as visit:
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


def test_a_camera_that_is_overtaken_by_a_photo_says_nothing(
    browser: Any, served: str, tmp_path: Path
) -> None:
    Image.fromarray(photo_pixels(200, 300)).save(tmp_path / "photo.png")
    dark = "MediaDevices.prototype.getUserMedia = async () => new MediaStream([silent()]);"
    silent = "const silent = () => document.createElement('canvas').captureStream(0).getVideoTracks()[0];"
    with Visit(browser, served, silent + dark) as visit:
        visit.page.click("#start")
        assert visit.message() == "Starting the camera…"
        visit.page.set_input_files("#file", tmp_path / "photo.png")
        visit.page.wait_for_selector("body[data-mode=photo]")
        visit.page.wait_for_timeout(300)
        assert visit.page.is_hidden("#message")


def test_a_photo_is_shown_plain_until_it_is_painted_and_a_new_start_shows_nothing_old(
    browser: Any, served: str, tmp_path: Path
) -> None:
    Image.fromarray(photo_pixels(200, 300)).save(tmp_path / "photo.png")
    deaf = "WebSocket.prototype.send = () => {};"  # so that nothing is painted
    with Visit(browser, served, _CAMERAS, deaf) as visit:
        visit.page.set_input_files("#file", tmp_path / "photo.png")
        visit.page.wait_for_selector("body[data-mode=photo]")
        seen = np.asarray(visit.page.evaluate(_COLOUR))
        assert np.abs(seen - photo_pixels(200, 300).mean(axis=(0, 1))).max() < 3
        visit.page.keyboard.press("v")
        visit.page.wait_for_selector("body[data-mode=live]")
        assert not any(visit.page.evaluate(_COLOUR))


def test_keys_work_after_a_slider_was_touched(browser: Any, served: str) -> None:
    def look() -> list[Any]:
        parts = (
            "[first.selectedIndex, strength.valueAsNumber, document.getElementById('keep-colors').checked]"
        )
        return list(visit.page.evaluate(parts))

    with Visit(browser, served, _CAMERAS) as visit:
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


def test_a_page_without_its_connection_says_what_may_be_in_between(browser: Any, served: str) -> None:
    blocked = """
        const Real = WebSocket;
        window.WebSocket = class extends Real {
          constructor(address) { super(window.free ? address : address.replace("/ws", "/nothing")); }
        };"""
    visit = Visit(browser, served, blocked)
    visit.until(lambda: "certificate" in visit.page.inner_text("#message"), "the reason")
    visit.page.evaluate("window.free = true")
    with visit:  # is connected, that is
        assert visit.page.is_hidden("#message")


def test_the_screen_stays_on_while_live_and_in_full_screen_is_left_to_the_picture(
    browser: Any, served: str
) -> None:
    locks = """
        window.held = 0;
        Object.defineProperty(navigator, "wakeLock", {value: {request: async () => {
          held++;
          return {released: false, async release() { held -= !this.released; this.released = true; }};
        }}});"""
    with Visit(browser, served, _CAMERAS, locks) as visit:
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


@pytest.mark.parametrize("size", [(375, 553), (320, 480), (568, 320), (1000, 260)])
def test_on_the_smallest_screens_everything_of_the_start_page_can_be_reached(
    browser: Any, served: str, size: tuple[int, int]
) -> None:
    screen = {"viewport": {"width": size[0], "height": size[1]}}
    with Visit(browser, served, **screen) as visit:
        page = visit.page
        inside = """(element) => {
          element.scrollIntoView({block: "nearest"});
          const {top, bottom, left, right} = element.getBoundingClientRect();
          const seen = (y) => element.contains(document.elementFromPoint((left + right) / 2, y));
          return seen(top + 3) && seen(bottom - 3);
        }"""
        for part in ("#choose", ".switch", "#welcome h2", "#start"):
            assert page.eval_on_selector(part, inside), part
        page.click("#start")
        page.wait_for_selector("body[data-mode=live]")
        assert page.eval_on_selector(".switch", inside)
        assert page.evaluate("scrollY") == 0


_SIMULATION = """async ({cost, width, height, seconds}) => {
  const {Pace} = await import("/pace.js");
  const pace = new Pace(), under_way = [], seen = [];
  let free = 0;  // when the painter is
  for (let now = 0; now < 1000 * seconds; now += 1000 / 30) {
    while (under_way.length && under_way[0].done <= now) {
      const {number, waited, done, size} = under_way.shift();
      seen.push([done / 1000, size[0], pace.arrived(number, waited, done, true)]);
    }
    if (!pace.due(now)) continue;
    const size = pace.size(width, height), start = Math.max(now + 10, free);
    free = start + cost * size[0] * size[1] / (640 * 480);
    under_way.push({number: pace.send(now), waited: start - now - 10, done: free + 10, size});
  }
  return seen;
}"""


@pytest.mark.parametrize(
    ("cost", "source", "widths"),
    [
        (75, (640, 480), (384, 640)),
        (600, (640, 480), (232, 240)),
        (6000, (640, 480), (232, 240)),
        (5, (1280, 720), (1088, 1280)),
    ],
)
def test_the_size_follows_the_round_trip_and_does_not_pump(
    browser: Any, served: str, cost: float, source: tuple[int, int], widths: tuple[int, int]
) -> None:
    """``cost``: milliseconds that 640x480 takes to be painted."""
    with Visit(browser, served) as visit:
        arguments = {"cost": cost, "width": source[0], "height": source[1], "seconds": 120}
        seen = visit.page.evaluate(_SIMULATION, arguments)
    assert all(trip is not None for _, _, trip in seen)
    settled = [(width, trip) for time, width, trip in seen if time > 60]
    trips = sorted(trip for _, trip in settled)
    assert widths[0] <= min(width for width, _ in settled)
    assert max(width for width, _ in settled) <= widths[1]
    changes = sum(a[0] != b[0] for a, b in itertools.pairwise(settled))
    assert changes <= 2
    if cost < 100:
        assert trips[int(0.95 * len(trips))] < 150
        assert len(settled) / 60 > 12  # a second
