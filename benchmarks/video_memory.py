"""The memory that a long video takes: a clip is looped to so many minutes and stylized in a child process.

Prints the child's memory as it goes and at its peak. A low ``--fps`` and a small ``--image-size`` make a long
file quick; every frame of it is decoded all the same.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import psutil
from machine import describe


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path, help="what is looped, such as bigbuckbunny.mp4")
    parser.add_argument("--minutes", type=float, default=20, help="(20)")
    parser.add_argument("--fps", help="frames a second of the result (every frame)")
    parser.add_argument("--image-size", help="the longer side of the result (as it is)")
    parser.add_argument("--stabilize", default="0", help="(0)")
    parser.add_argument("--resume", action="store_true", help="in segments")
    args = parser.parse_args()
    print(describe("torch", "openvino"), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        looped = Path(folder) / "looped.mp4"
        loop(args.video, looped, args.minutes * 60)
        words = ["--stabilize", args.stabilize, *(["--resume"] if args.resume else [])]
        for flag in ("fps", "image_size"):
            if value := getattr(args, flag):
                words += [f"--{flag.replace('_', '-')}", value]
        return watch(looped, words)


def loop(source: Path, target: Path, seconds: float) -> None:
    """Packets copied again and again, each round after the last."""
    with av.open(str(target), "w") as output:
        streams, shift, turns = None, Fraction(0), 0
        while shift < seconds:
            with av.open(str(source)) as file:
                kept = [*file.streams.video[:1], *file.streams.audio[:1]]
                if streams is None:
                    streams = {s.index: output.add_stream_from_template(s) for s in kept}
                    length = max(s.duration * s.time_base for s in kept)
                for packet in file.demux(*kept):
                    if packet.dts is None:
                        continue
                    ticks = round(shift / packet.time_base)
                    packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                    packet.stream = streams[packet.stream.index]
                    output.mux(packet)
            turns += 1
            shift = turns * length


def watch(video: Path, words: list[str]) -> int:
    command = [sys.executable, "-m", "style_transfer", "stylize", str(video), *words]
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
        process, samples = psutil.Process(child.pid), list[int]()
        while child.poll() is None:
            try:
                samples.append(process.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.5)
    tenths = [samples[len(samples) * n // 10 : len(samples) * (n + 1) // 10] for n in range(10)]
    print("peak of each tenth, MB:", ", ".join(f"{max(part) / 2**20:.0f}" for part in tenths if part))
    print(f"peak {max(samples) / 2**20:.0f} MB in {(time.monotonic() - start) / 60:.1f} minutes")
    return child.returncode


if __name__ == "__main__":
    sys.exit(main())
