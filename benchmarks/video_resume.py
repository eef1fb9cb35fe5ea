"""Kills a resumable conversion with SIGKILL at random moments, resumes it, and compares the result with an
uninterrupted run's: decoded frames and timestamps must be equal, and nothing broken ever have the final name.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from machine import describe
from video_memory import loop


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path, help="what is looped, such as bikes.mp4")
    parser.add_argument("--seconds", type=float, default=40, help="of the looped video (40)")
    parser.add_argument("--kills", type=int, default=20, help="(20)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (0)")
    parser.add_argument("--image-size", default="320", help="(320)")
    parser.add_argument("--stabilize", default="0.8", help="(0.8)")
    parser.add_argument("--style", default="great_wave@0;udnie@12")
    args = parser.parse_args()
    print(describe("torch", "openvino"), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        return compare(args, Path(folder))


def compare(args: argparse.Namespace, folder: Path) -> int:
    whole, target = folder / "whole.mp4", folder / "killed.mp4"
    looped = folder / "looped.mp4"
    loop(args.video, looped, args.seconds)
    args.video = looped
    start = time.monotonic()
    subprocess.run(command(args, whole), check=True)
    length = time.monotonic() - start
    moments = random.Random(args.seed)
    kills = 0
    while not target.exists():
        child = subprocess.Popen(command(args, target), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            # Sometimes in the middle of starting up; the longest waits leave time for a segment or two.
            child.wait(moments.uniform(0.05, 1) * length if kills < args.kills else None)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            kills += 1
            print(f"kill {kills}: {progress(target)}", flush=True)
            if target.exists():
                decoded(target)  # whole, or this raises
        else:
            if child.returncode:
                print(f"the resumed run failed with {child.returncode}")
                return 1
            if kills < args.kills:  # it came to its end before the last kill: from the beginning again
                check(whole, target)
                target.unlink()
    check(whole, target)
    left = sorted(path.name for path in folder.iterdir())
    print(
        f"{kills} kills: every frame and timestamp as in the uninterrupted run; files left: {', '.join(left)}"
    )
    return 0


def command(args: argparse.Namespace, target: Path) -> list[str]:
    words = [
        "--resume",
        "--style",
        args.style,
        "--image-size",
        args.image_size,
        "--stabilize",
        args.stabilize,
    ]
    return [sys.executable, "-m", "style_transfer", "stylize", str(args.video), "-o", str(target), *words]


def progress(target: Path) -> str:
    parts = target.with_name(f"{target.name}.parts")
    segments = len(list(parts.glob("0*.mp4")))
    return f"{segments} segments finished"


def check(whole: Path, target: Path) -> None:
    expected, found = decoded(whole), decoded(target)
    assert len(found) == len(expected), f"{len(found)} frames instead of {len(expected)}"
    for number, ((time_a, pixels_a), (time_b, pixels_b)) in enumerate(zip(expected, found, strict=True)):
        assert time_a == time_b, f"frame {number} is at {time_b} instead of {time_a}"
        assert np.array_equal(pixels_a, pixels_b), f"frame {number} differs"


def decoded(path: Path) -> list[tuple[Fraction, np.ndarray]]:
    with av.open(str(path)) as file:
        return [(frame.pts * frame.time_base, frame.to_ndarray()) for frame in file.decode(video=0)]


if __name__ == "__main__":
    sys.exit(main())
