"""The page in a real browser: round trip and rate, one viewer alone or several at once.

The server runs as ``webcam.py --serve`` does; Chromium's camera plays a clip of 640x480 at 30 frames a
second. A round trip lasts from the moment the page takes a frame off its camera to the moment its painting
is drawn. Server and browser share this machine, so the browser's own work slows the painting.
"""

from __future__ import annotations

import argparse
import io
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from machine import PHOTO, describe
from PIL import Image
from playwright.sync_api import sync_playwright

from style_transfer.runtime.threads import thread_budget

ROOT = Path(__file__).resolve().parent.parent
LISTEN = """() => {
  window.painted = [];
  document.getElementById("canvas").addEventListener("painted", ({detail}) => window.painted.push(detail));
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="that are measured (60)")
    parser.add_argument("--settle", type=float, default=20, help="before: sizes are found, engines warm (20)")
    parser.add_argument("--viewers", type=int, default=1, help="pages at once (1)")
    parser.add_argument("--clip", type=Path, help="JPEGs in one file, 640x480 (a photo that moves)")
    parser.add_argument("--screenshot", type=Path, metavar="JPG", help="of the page, at the end")
    parser.add_argument("--goal", type=float, default=150, help="milliseconds, at the 95th percentile (150)")
    args = parser.parse_args()
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        sys.exit("error: there is no Chromium; apt-get install chromium")
    print(describe("aiohttp", "openvino", "torch"), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        clip = args.clip or moving_photo(Path(folder) / "clip.mjpeg")
        with server(args.viewers) as (address, process):
            pages = measure(browser, clip, address, args)
            memory = psutil.Process(process.pid).memory_info().rss
    report(pages, memory, args)


def moving_photo(path: Path) -> Path:
    """Four seconds of 640x480, a view that circles over a photo."""
    photo = Image.open(PHOTO).convert("RGB").resize((800, 640))
    with path.open("wb") as file:
        for angle in np.linspace(0, 2 * np.pi, 120, endpoint=False):
            left, top = round(80 + 79 * np.cos(angle)), round(80 + 79 * np.sin(angle))
            with io.BytesIO() as frame:
                photo.crop((left, top, left + 640, top + 480)).save(frame, "JPEG", quality=90)
                file.write(frame.getvalue())
    return path


@contextmanager
def server(viewers: int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    words = ["--serve", "--port", "0", "--max-clients", str(viewers)]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "webcam.py"), *words], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        yield next(line for line in process.stderr if line.startswith("open ")).split()[1], process
    finally:
        process.terminate()
        process.wait(30)


def measure(browser: str, clip: Path, address: str, args: argparse.Namespace) -> list[list[dict[str, Any]]]:
    """What each page drew: milliseconds since the frame was taken, and the size it was painted at."""
    flags = [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={clip}",
    ]
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser, args=flags)
        size = {"width": 1100, "height": 800}
        pages = [chromium.new_context(viewport=size).new_page() for _ in range(args.viewers)]
        for page in pages:
            page.set_default_timeout(120_000)
            page.goto(address)
            page.wait_for_selector("#link[data-state=open]")
            page.click("#start")
        pages[0].wait_for_timeout(1000 * args.settle)
        for page in pages:
            page.evaluate(LISTEN)
        pages[0].wait_for_timeout(1000 * args.seconds)
        painted = [page.evaluate("window.painted") for page in pages]
        if args.screenshot:
            pages[0].screenshot(path=args.screenshot, type="jpeg", quality=85)
        version = chromium.version
        chromium.close()
    print(f"Chromium {version}, headless, in software")
    return painted


def report(pages: list[list[dict[str, Any]]], memory: int, args: argparse.Namespace) -> None:
    print(f"{thread_budget()} threads, load average at the end {psutil.getloadavg()[0]:.1f}")
    for number, painted in enumerate(pages, 1):
        ages = [frame["age"] for frame in painted if frame["age"] is not None]
        if len(ages) < 20:
            print(f"viewer {number}: {len(ages)} paintings only")
            continue
        cuts = statistics.quantiles(ages, n=20)
        sizes = statistics.multimode((frame["width"], frame["height"]) for frame in painted)
        print(
            f"viewer {number}: {len(painted) / args.seconds:.1f} paintings a second, round trip"
            f" median {cuts[9]:.0f} ms, p95 {cuts[18]:.0f} ms (goal {args.goal:.0f}),"
            f" mostly painted at {sizes[0][0]}x{sizes[0][1]}, shown at 640x480"
        )
    print(f"server: {memory / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
