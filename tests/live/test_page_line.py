"""The page and its line to the server, in a real browser."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from browsing import Visit
from helpers import photo_pixels
from PIL import Image

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


def test_a_page_without_its_connection_says_what_may_be_in_between(
    browser: Any, served: str, tmp_path: Path
) -> None:
    Image.fromarray(photo_pixels(200, 300)).save(tmp_path / "photo.png")
    blocked = """
        const Real = WebSocket;
        window.WebSocket = class extends Real {
          constructor(address) { super(window.free ? address : address.replace("/ws", "/nothing")); }
        };"""
    visit = Visit(browser, served, blocked)
    visit.until(lambda: "certificate" in visit.page.inner_text("#message"), "the reason")
    visit.page.set_input_files("#file", tmp_path / "photo.png")
    visit.page.wait_for_selector("body[data-mode=photo]")
    assert "certificate" in visit.message()
    visit.page.evaluate("window.free = true")
    with visit:  # is connected, that is
        assert visit.page.is_hidden("#message")


_SLOW_LINE = """async ({rate, way, seconds}) => {
  const {Pace} = await import("/pace.js");
  const pace = new Pace(), events = [], seen = [];
  let up = 0, down = 0;  // when the line is free
  const through = (now, bytes) => {
    up = Math.max(now, up) + bytes / rate;
    return down = Math.max(up + way, down) + bytes / rate;
  };
  for (let now = 1900; now < 1000 * seconds; now += 1000 / 30) {  // the first ping is behind pictures
    if (Math.floor(now / 2000) > Math.floor((now - 1000 / 30) / 2000)) {
      const at = now;
      events.push([through(now, 50), () => pace.way(events.now - at)]);
    }
    while (events.length && events[0][0] <= now) {
      events.now = events[0][0];
      events.shift()[1]();
    }
    if (!pace.due(now)) continue;
    const [width, height] = pace.size(1280, 720), number = pace.send(now);
    events.push([through(now, 0.1 * width * height), () => {
      seen.push([now / 1000, width]);
      pace.arrived(number, 0, events.now, true);
    }]);
  }
  return seen;
}"""


def test_on_a_line_that_its_own_pictures_fill_pictures_become_small(browser: Any, served: str) -> None:
    with Visit(browser, served) as visit:
        arguments = {"rate": 8, "way": 150, "seconds": 60}  # bytes a millisecond
        seen = visit.page.evaluate(_SLOW_LINE, arguments)
    assert seen[0][1] == 640
    assert {width for time, width in seen if time > 40} == {312}


def test_silence_is_a_line_that_is_cut_but_for_as_long_as_a_large_picture_takes(
    browser: Any, served: str
) -> None:
    deaf = """
        window.WebSocket = class {
          static OPEN = 1;
          readyState = 1;
          bufferedAmount = 0;
          send() {}
          close() {}
        };"""
    silence = """async (bytes) => {
      const {Connection} = await import("/connection.js");
      const connection = new Connection();
      window.cut = 0;
      connection.addEventListener("closed", () => cut++, {once: true});
      connection.connect();
      connection.show(1, new Blob([new Uint8Array(bytes)]));
    }"""
    visit = Visit(browser, served, deaf)
    visit.page.clock.install()
    for size, patience in ((20_000, 10), (1_600_000, 105)):
        visit.page.evaluate(silence, size)
        visit.page.clock.run_for(1000 * patience)
        assert visit.page.evaluate("cut") == 0
        visit.page.clock.run_for(1000 * (patience // 10 + 10))
        assert visit.page.evaluate("cut") == 1
    visit.context.close()
