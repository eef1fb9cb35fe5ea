"""A photo on the page, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from browsing import CAMERAS, COLOUR, Visit, colours_of
from helpers import photo_pixels
from PIL import Image

from style_transfer.live.web import protocol
from style_transfer.runtime.stylizer import Stylizer


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
    with Visit(browser, served, CAMERAS, deaf) as visit:
        visit.page.set_input_files("#file", tmp_path / "photo.png")
        visit.page.wait_for_selector("body[data-mode=photo]")
        seen = np.asarray(visit.page.evaluate(COLOUR))
        assert np.abs(seen - photo_pixels(200, 300).mean(axis=(0, 1))).max() < 3
        visit.page.keyboard.press("v")
        visit.page.wait_for_selector("body[data-mode=live]")
        assert not any(visit.page.evaluate(COLOUR))


def test_a_photo_whose_jpeg_is_too_large_is_sent_at_a_quality_that_fits(
    browser: Any, served: str, tmp_path: Path
) -> None:
    noise = 255 * np.random.default_rng(0).integers(0, 2, (1300, 1600, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    weigh = """
        window.sent = [];
        window.closed = 0;
        const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (data) {
          if (data instanceof Blob) sent.push(data.size);
          this.addEventListener("close", () => closed++);
          return send.call(this, data);
        };"""
    with Visit(browser, served, weigh) as visit:
        visit.page.set_input_files("#file", tmp_path / "noise.png")
        visit.until(lambda: visit.page.inner_text("#size") == "1600 × 1300", "the painting")
        visit.page.wait_for_timeout(1500)
        (sent,) = visit.page.evaluate("sent")  # once
        assert 1_000_000 < sent <= protocol.MAX_PICTURE + protocol.NUMBER.size
        assert visit.page.evaluate("closed") == 0


def test_the_photo_that_was_chosen_last_is_shown_and_is_not_mirrored(
    browser: Any, served: str, tmp_path: Path
) -> None:
    for name, width in (("first", 300), ("second", 200)):
        Image.fromarray(photo_pixels(100, width)).save(tmp_path / f"{name}.png")
    slowly = """
        const real = createImageBitmap;
        window.createImageBitmap = async (file) => {
          if (file.name === "first.png") await new Promise((done) => { window.go = done; });
          return real(file);
        };"""
    with Visit(browser, served, CAMERAS, slowly) as visit:
        page = visit.page
        page.click("#start")
        page.wait_for_selector("body[data-mode=live]")
        page.set_input_files("#file", tmp_path / "first.png")
        assert visit.message() == 'Reading "first.png"…'
        page.set_input_files("#file", tmp_path / "second.png")
        page.wait_for_selector("body[data-mode=photo]")
        page.evaluate("go()")
        page.keyboard.press("m")
        page.wait_for_timeout(300)
        assert page.evaluate("canvas.width") == 200
        assert page.is_hidden("#message")
        assert page.get_attribute("#mirror-button", "aria-pressed") == "false"
        page.keyboard.press("v")
        page.wait_for_selector("body[data-mode=live] #mirror-button[aria-pressed=true]")


def test_a_browser_that_hides_pictures_from_pages_is_told_of(
    browser: Any, served: str, tmp_path: Path
) -> None:
    Image.fromarray(photo_pixels(200, 300)).save(tmp_path / "photo.png")
    resist = """
        const {getImageData} = CanvasRenderingContext2D.prototype;
        window.noise = 255;  // of the pixels that a page reads, at most
        CanvasRenderingContext2D.prototype.getImageData = function (...box) {
          const pixels = getImageData.apply(this, box);
          for (let at = 0; at < pixels.data.length; at++) pixels.data[at] ^= noise * Math.random();
          return pixels;
        };"""
    with Visit(browser, served, CAMERAS, resist) as visit:
        page = visit.page
        page.set_input_files("#file", tmp_path / "photo.png")
        page.wait_for_selector("body[data-mode=photo]")
        assert "noise instead of pictures" in visit.message()
        page.evaluate("noise = 2")  # allowed, or a little for safety
        page.keyboard.press("v")
        page.wait_for_selector("body[data-mode=live]")
        assert page.is_hidden("#message")
