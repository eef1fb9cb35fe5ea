"""A server in a thread, and someone who looks at its page in a real browser."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from style_transfer.live.controls import Scene
from style_transfer.live.web.server import Page as WebPage
from style_transfer.live.web.settings import Settings
from style_transfer.live.web.studio import Studio
from style_transfer.runtime.stylizer import Stylizer

WAIT = 120_000  # milliseconds; a busy machine is no reason to fail
NAME = "painted.example"  # leads to this machine, but is not its name: no secure context

COLOUR = """() => {
  const canvas = document.getElementById("canvas");
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const sum = [0, 0, 0];
  for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sum[c] += data[i + c];
  return sum.map((value) => value / (data.length / 4));
}"""
SIDES = """() => {
  const {width, height} = canvas, context = canvas.getContext("2d");
  return [0, width / 2].map((left) => {
    const {data} = context.getImageData(left, 0, width / 2, height);
    return data.reduce((sum, value, i) => sum + (i % 4 < 3 ? value : 0), 0) / (data.length / 4) / 3;
  });
}"""
CAMERAS = """
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
            seen = np.asarray(self.page.evaluate(COLOUR))
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
