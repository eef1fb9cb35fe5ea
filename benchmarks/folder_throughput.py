"""How close a folder of photos comes to the rate that decoding, network and encoding allow in turn.

Makes photos of 640×480 from the samples, measures the three stages each alone on all cores, then the whole
command's work on the same photos, and prints the rates and their ratio.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import SAMPLES, describe
from PIL import Image

from style_transfer import Stylizer
from style_transfer.cli.stylize import main as stylize_command
from style_transfer.media.image import Picture, read_image
from style_transfer.media.image_writer import write_image
from style_transfer.runtime.margin import paint_with_margin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=200, help="(200)")
    parser.add_argument("--model", default="gallery-fast", help="(gallery-fast)")
    args = parser.parse_args()
    print(describe("torch", "openvino"), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        measure(args, Path(folder))


def measure(args: argparse.Namespace, folder: Path) -> None:
    sources = make_photos(folder / "in", args.photos)
    some = sources[:: max(1, len(sources) // 40)]
    stylize = Stylizer(args.model, device="cpu")
    pictures = [read_image(path) for path in some]
    look = stylize.look
    paint_with_margin(stylize, pictures[0].frames[0], look)
    painted: list[np.ndarray] = []
    decode = seconds(lambda: [read_image(path) for path in some]) / len(some)
    network = seconds(
        lambda: painted.extend(paint_with_margin(stylize, p.frames[0], look) for p in pictures)
    ) / len(some)
    encode = seconds(lambda: [write_image(Picture([f]), folder / "x.jpg") for f in painted]) / len(some)
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        # Twice: the first run of a few photos takes the start-up that a long folder does not notice.
        stylize_command(
            [*map(str, some[:4]), "-o", str(folder / "warm"), "--device", "cpu", "--model", args.model]
        )
        command = ["--device", "cpu", "--model", args.model, "-o", str(folder / "out")]
        whole = seconds(lambda: stylize_command([str(folder / "in"), *command])) / len(sources)
    alone = decode + network + encode
    print(f"{args.model}, {len(sources)} photos of 640x480")
    print(f"decode {decode * 1e3:.1f} ms, network {network * 1e3:.1f} ms, encode {encode * 1e3:.1f} ms")
    print(f"in turn {1 / alone:.2f} photos/s, the command {1 / whole:.2f} photos/s: {alone / whole:.0%}")


def make_photos(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    samples = [Image.open(path).convert("RGB") for path in sorted(SAMPLES.glob("*.jpg"))]
    rng = np.random.default_rng(0)
    paths = []
    for i in range(count):
        sample = samples[i % len(samples)]
        left, top = rng.integers(0, 60, 2)
        view = sample.crop((left, top, sample.width, sample.height)).resize((640, 480))
        paths.append(folder / f"{i:03}.jpg")
        view.save(paths[-1], quality=90)
    return paths


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
