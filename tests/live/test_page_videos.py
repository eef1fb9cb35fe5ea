"""A video file on the page, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import CAMERAS, COLOUR, SIDES, Visit, colours_of
from clips import make_clip, make_sound
from helpers import photo_pixels
from PIL import Image

from style_transfer.runtime.stylizer import Stylizer

# Every video that plays, in `films`: the page keeps those of files to itself.
_FILMS = """
    window.films = [];
    const play = HTMLMediaElement.prototype.play;
    HTMLMediaElement.prototype.play = function () {
      if (!this.id && !films.includes(this)) films.push(this);
      return play.call(this);
    };"""
_DROP = """async ([name, type, bytes]) => {
  const dropped = new DataTransfer();
  dropped.items.add(new File([new Uint8Array(bytes)], name, {type}));
  for (const kind of ["dragenter", "drop"]) {
    const how = {dataTransfer: dropped, bubbles: true, cancelable: true};
    document.body.dispatchEvent(new DragEvent(kind, how));
    if (kind === "dragenter" && document.getElementById("drop").hidden) throw new Error("no sign");
  }
}"""
_VP8 = {"codec": "libvpx", "options": {"deadline": "realtime", "cpu-used": "8", "b": "2M"}}


def _halves(width: int = 320, height: int = 240) -> np.ndarray:
    """Dark on the left, light on the right."""
    pixels = np.full((height, width, 3), 30, np.uint8)
    pixels[:, width // 2 :] = 180
    return pixels


@pytest.mark.parametrize("name", ["clip.webm", "clip.mp4"])
def test_a_video_comes_back_painted_over_and_over_as_it_is(
    browser: Any, served: str, stylizer: Stylizer, tmp_path: Path, name: str
) -> None:
    size = (320, 240)
    clip = make_clip(
        tmp_path / name,
        size=size,
        pixels=_halves(*size),
        pts=range(9),
        sound="libopus" if name.endswith("webm") else "aac",
        **(_VP8 if name.endswith("webm") else {}),  # type: ignore[arg-type]
    )
    colours = colours_of(stylizer, _halves(*size))
    with Visit(browser, served, _FILMS) as visit:
        page = visit.page
        page.set_input_files("#file", clip)
        page.wait_for_selector("body[data-mode=film]")
        visit.shows(colours, "great_wave")
        assert page.evaluate("[canvas.width, canvas.height]") == [320, 240]
        page.keyboard.press("2")
        visit.shows(colours, "starry_night")
        visit.until(lambda: page.inner_text("#latency").isdigit(), "the round trip")
        film = "[films.length, films[0].muted, films[0].loop, films[0].paused]"
        assert page.evaluate(film) == [1, True, True, False]
        page.evaluate(
            """() => { window.painted = 0; canvas.addEventListener("painted", () => painted++); }"""
        )
        visit.until(lambda: page.evaluate("painted") > 24, "more pictures than it has")
        page.fill("#strength", "0")
        visit.shows(colours, "photo")
        left, right = page.evaluate(SIDES)
        assert left < right
        assert page.get_attribute("#mirror-button", "aria-pressed") == "false"
        page.keyboard.press("m")
        visit.until(lambda: page.evaluate(SIDES)[0] > 100, "the picture, mirrored")
        page.keyboard.press(" ")
        page.wait_for_selector("#freeze-button[aria-pressed=true]")
        assert page.evaluate("films[0].paused")
        page.keyboard.press("1")
        page.fill("#strength", "100")
        visit.until(
            lambda: bool(np.abs(np.asarray(page.evaluate(COLOUR)) - colours["great_wave"]).max() < 20),
            "the picture that stays, painted anew",
        )
        page.keyboard.press(" ")
        visit.until(lambda: not page.evaluate("films[0].paused"), "the video, going on")


def test_camera_photo_and_video_take_turns_and_each_ends_the_other(
    browser: Any, served: str, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.webm", size=(200, 120), **_VP8)  # type: ignore[arg-type]
    Image.fromarray(photo_pixels(100, 300)).save(tmp_path / "photo.png")
    streams = """
        window.streams = [];
        const media = MediaDevices.prototype.getUserMedia;
        MediaDevices.prototype.getUserMedia = async (wish) => {
          const stream = await media(wish);
          streams.push(stream);
          return stream;
        };"""
    running = "streams.flatMap((s) => s.getTracks()).filter((t) => t.readyState === 'live').length"
    with Visit(browser, served, CAMERAS, streams, _FILMS) as visit:
        page = visit.page
        page.click("#start")
        page.wait_for_selector("body[data-mode=live] #mirror-button[aria-pressed=true]")
        page.evaluate(_DROP, ["clip.webm", "video/webm", list(clip.read_bytes())])
        page.wait_for_selector("body[data-mode=film] #mirror-button[aria-pressed=false]")
        assert page.is_hidden("#drop")
        assert page.evaluate(running) == 0
        assert page.is_disabled("#turn-button")
        visit.until(lambda: page.evaluate("canvas.width") == 200, "the video")
        page.set_input_files("#file", tmp_path / "photo.png")
        page.wait_for_selector("body[data-mode=photo]")
        assert page.evaluate("[films[0].paused, films[0].src]") == [True, ""]
        page.set_input_files("#file", clip)
        page.wait_for_selector("body[data-mode=film]")
        page.evaluate("problem = 'NotReadableError'")
        page.keyboard.press("v")
        assert "busy" in visit.message()
        assert page.get_attribute("body", "data-mode") == "film"
        page.evaluate("problem = null")
        page.click("#camera-button")
        page.wait_for_selector("body[data-mode=live] #mirror-button[aria-pressed=true]")
        assert page.evaluate(f"[films.length, films[1].src, {running}]") == [2, "", 1]


def test_a_video_that_plays_only_at_a_touch_waits_for_one(browser: Any, served: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.webm", size=(200, 120), **_VP8)  # type: ignore[arg-type]
    strict = """
        const begin = HTMLMediaElement.prototype.play;
        let touched = false;
        addEventListener("click", () => { touched = true; }, true);
        HTMLMediaElement.prototype.play = async function () {  // as on an iPhone whose battery is low
          if (!touched) throw new DOMException("", "NotAllowedError");
          return begin.call(this);
        };"""
    with Visit(browser, served, strict) as visit:
        page = visit.page
        page.set_input_files("#file", clip)
        assert visit.message() == 'Click or tap anywhere to play "clip.webm".'
        page.wait_for_timeout(700)  # longer than after which it would be said that it is read
        assert visit.message() == 'Click or tap anywhere to play "clip.webm".'
        page.mouse.click(20, 20)
        page.wait_for_selector("body[data-mode=film]")
        assert page.is_hidden("#message")


def test_a_video_that_cannot_be_played_is_one_line_and_what_is_shown_stays(
    browser: Any, served: str, tmp_path: Path
) -> None:
    good = make_clip(tmp_path / "clip.webm", **_VP8)  # type: ignore[arg-type]
    foreign = make_clip(tmp_path / "old.mp4", codec="mpeg4", options={"bf": "0"})
    sound = make_sound(tmp_path / "sound.mp4")
    (tmp_path / "notes").write_text("neither")
    with Visit(browser, served, _FILMS) as visit:
        page = visit.page
        page.set_input_files("#file", good)
        page.wait_for_selector("body[data-mode=film]")
        for path, reason in (
            (foreign, "no video that this browser can play"),
            (sound, "no video that this browser can play"),
            (tmp_path / "notes", "no picture or video"),
        ):
            page.set_input_files("#file", path)
            line = f'"{path.name}" is {reason}'
            visit.until(lambda line=line: line in page.inner_text("#message"), line)  # type: ignore[misc]
            assert page.get_attribute("body", "data-mode") == "film"
        assert [film for film in page.evaluate("films.map((film) => film.src !== '')") if film] == [True]
        page.evaluate("films[0].dispatchEvent(new Event('error'))")  # a drive is gone
        page.wait_for_selector("body[data-mode=idle]")
        assert visit.message() == '"clip.webm" cannot be played any further.'
        assert page.evaluate("films[0].src") == ""


def test_a_video_is_on_the_page_unseen_goes_on_behind_others_and_leaves_nothing_behind(
    browser: Any, served: str, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.webm", **_VP8)  # type: ignore[arg-type]
    Image.fromarray(photo_pixels(100, 300)).save(tmp_path / "photo.png")
    turns = """
        delete HTMLVideoElement.prototype.requestVideoFrameCallback;
        window.turns = 0;
        const next = requestAnimationFrame;
        window.requestAnimationFrame = (callback) => { turns++; return next(callback); };
        window.turnsOfAFrame = () => new Promise((done) => next(() => {
          const before = turns;
          next(() => done(turns - before));
        }));"""
    seen = "() => { document.dispatchEvent(new Event('visibilitychange')); }"
    with Visit(browser, served, _FILMS, turns) as visit:
        page = visit.page
        alone = page.evaluate("turnsOfAFrame()")
        for _ in range(3):
            page.set_input_files("#file", clip)
            page.wait_for_selector("body[data-mode=film]")
            shown = "(film) => [film.isConnected, film.checkVisibility(), film.clientWidth]"
            assert page.evaluate(f"films.map({shown}).pop()") == [True, True, 1]
            page.evaluate("films.at(-1).pause()")  # as Safari does behind other apps
            page.evaluate(seen)
            visit.until(lambda: not page.evaluate("films.at(-1).paused"), "the video, going on")
            page.keyboard.press(" ")
            page.wait_for_selector("#freeze-button[aria-pressed=true]")
            page.evaluate(seen)
            assert page.evaluate("films.at(-1).paused")  # a picture that is to stay
            page.set_input_files("#file", tmp_path / "photo.png")
            page.wait_for_selector("body[data-mode=photo]")
        assert page.evaluate("films.length") == 3
        assert page.evaluate("films.filter((film) => film.isConnected).length") == 0
        assert page.evaluate("turnsOfAFrame()") == alone
