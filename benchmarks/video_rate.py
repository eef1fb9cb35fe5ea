"""How close a video comes to the rate that decoding, network and encoding, each alone, allow in turn.

The three stages are measured on all cores with the defaults of ``stylize``, then a whole conversion of the
same video, start-up not counted; prints the three, the rate, and its share of 1/(decode + network + encode).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from machine import describe

from style_transfer import Stylizer
from style_transfer.media.video.convert import convert
from style_transfer.media.video.frame import Frame
from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.reader import VideoReader
from style_transfer.media.video.run import Progress
from style_transfer.media.video.writer import VideoWriter
from style_transfer.runtime.film import Film, Timeline
from style_transfer.runtime.threads import thread_budget


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path, help="such as bigbuckbunny.mp4")
    parser.add_argument("--frames", type=int, default=100, help="of it, at most, for each measurement (100)")
    parser.add_argument("--image-size", type=int, help="the longer side (as it is)")
    parser.add_argument("--style", default="great_wave", help="(great_wave)")
    parser.add_argument("--stabilize", type=float, default=0.0, help="counted as part of the network (0)")
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many counts (3)")
    args = parser.parse_args()
    print(describe("torch", "openvino"), flush=True)
    options = VideoOptions(image_size=args.image_size, threads=thread_budget())
    with tempfile.TemporaryDirectory() as folder:
        measure(args, options, Path(folder))


def measure(args: argparse.Namespace, options: VideoOptions, folder: Path) -> None:
    stylizer = Stylizer(style=args.style, device="cpu")

    def film() -> Film:
        return Film(stylizer, Timeline([stylizer.look]), stabilize=args.stabilize)

    with VideoReader(args.video, options) as reader:
        info = reader.info
        frames = [frame for frame, _ in zip(reader, range(args.frames), strict=False)]
    options = replace(options, end=Fraction(len(frames)) / info.fps)
    paint = film()
    paint.warm_up(info.height, info.width)

    def paint_all() -> list[Frame]:
        paint = film()
        return [replace(frame, pixels=paint(frame.pixels, frame.input_time)) for frame in frames]

    def decode() -> int:
        with VideoReader(args.video, options) as reader:
            return sum(1 for _ in reader)

    def encode() -> int:
        with VideoReader(args.video, options) as reader:
            writer = VideoWriter(folder / "encoded.mp4", reader, options, video_only=True)
            for frame in painted:
                writer.write(frame)
            writer.close()
        return len(painted)

    def whole() -> int:
        painter, count = film(), 0

        def progress(step: Progress) -> None:
            nonlocal count
            count = step.frames

        def paint(frame: Frame) -> Frame:
            return replace(frame, pixels=painter(frame.pixels, frame.input_time))

        convert(args.video, folder / "whole.mp4", lambda f: map(paint, f), options, progress=progress)
        return count

    stages = {"decode": best(decode, args.repeat)}
    painted = paint_all()
    stages["network"] = best(lambda: len(paint_all()), args.repeat)
    stages["encode"] = best(encode, args.repeat)
    end_to_end = best(whole, args.repeat)
    alone = sum(stages.values())
    print(f"{thread_budget()} threads, {stylizer.summary}")
    print(f"{args.video.name}, {info.width}x{info.height}, {len(frames)} frames")
    print(", ".join(f"{name} {seconds * 1e3:.1f} ms" for name, seconds in stages.items()), "a frame")
    share = alone / end_to_end
    print(f"in turn {1 / alone:.2f} frames/s, end to end {1 / end_to_end:.2f} frames/s: {share:.0%}")


def best(work, repeat: int) -> float:
    """Seconds a frame: ``work`` returns how many it did."""
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        count = work()
        seconds.append((time.perf_counter() - start) / count)
    return min(seconds)


if __name__ == "__main__":
    main()
