"""Chromium, its camera fed from a clip, and a page for it."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import NAME, Served
from helpers import make_model, photo_pixels
from PIL import Image

from style_transfer.runtime.stylizer import Stylizer


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


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer(make_model(), device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def served(stylizer: Stylizer) -> Iterator[str]:
    server = Served(stylizer)
    yield f"http://localhost:{server.port}/"
    server.close()
