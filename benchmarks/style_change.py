"""Changing the style while frames stream: does any frame wait for it?

Streams one photo through ``Stylizer.stream``, sets another style every few frames, and prints the median time
between frames and the longest after a change. The goal: none takes longer than twice the median.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time

import numpy as np
from machine import PHOTO, describe
from PIL import Image

from style_transfer import Stylizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="gallery-fast", help="(gallery-fast)")
    parser.add_argument("--size", default="640x480", help="(640x480)")
    parser.add_argument("--changes", type=int, default=20, help="(20)")
    parser.add_argument("--every", type=int, default=8, help="frames between changes (8)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    args = parser.parse_args()
    print(describe("torch", "openvino"), flush=True)
    width, height = map(int, args.size.split("x"))
    frame = np.asarray(Image.open(PHOTO).convert("RGB").resize((width, height)))
    stylize = Stylizer(args.model, device=args.device, precision=args.precision)
    names = stylize.model.style_names
    styles = itertools.cycle([*names[1:], f"{names[0]}:0.5,{names[-1]}:0.5", names[0]])
    stream = stylize.stream(itertools.repeat(frame))
    for _ in range(8):
        next(stream)
    setting, waits, worst = [], [], []
    for _ in range(args.changes):
        after = []
        start = time.perf_counter()
        stylize.set_style(next(styles))
        setting.append(time.perf_counter() - start)
        for _ in range(args.every):
            start = time.perf_counter()
            next(stream)
            after.append(time.perf_counter() - start)
        waits += after
        worst.append(max(after))
    stream.close()
    median = statistics.median(waits)
    print(f"{args.size}, {stylize.summary}")
    print(f"set_style {statistics.median(setting) * 1e3:.2f} ms, at most {max(setting) * 1e3:.2f} ms")
    print(
        f"a frame: median {median * 1e3:.1f} ms; the slowest after each of {args.changes} changes:"
        f" median {statistics.median(worst) * 1e3:.1f} ms, at most {max(worst) * 1e3:.1f} ms,"
        f" {max(worst) / median:.2f} times the median"
    )


if __name__ == "__main__":
    main()
