"""The live show on a real-time source: a photo panned as a 640×480 camera, 30 frames a second, a real window.

    python benchmarks/live.py                    # a minute; without a screen under xvfb-run
    python benchmarks/live.py --minutes 10       # memory and latency must stay flat

Prints the rate shown, the time from capture to display, how old frames are when the network takes them,
frames shown twice as new, and memory and latency of each tenth of the run. `--outage 10` takes the camera
away in the middle.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import cv2
import numpy as np
import psutil
from machine import SAMPLES, describe

from style_transfer.live.controls import Controls
from style_transfer.live.meter import Meter
from style_transfer.live.session import Session
from style_transfer.media.camera import Camera, Shot
from style_transfer.media.image import read_image
from style_transfer.media.mailbox import Mailbox
from style_transfer.media.sources import Source
from style_transfer.media.window import Window
from style_transfer.runtime.stylizer import Stylizer

SIZE, FPS = (640, 480), 30.0


class PannedPhoto:
    """A camera made of a photo: 30 pictures a second, and whoever comes late misses some."""

    def __init__(self, outage: tuple[float, float] | None) -> None:
        photo = read_image(SAMPLES / "coffee.jpg").frames[0]
        self._photo = cv2.cvtColor(cv2.resize(photo, (960, 720)), cv2.COLOR_RGB2BGR)
        self._start, self._n, self._outage = time.monotonic(), 0, outage

    def opened(self) -> PannedPhoto | None:
        return None if self._away() else self

    def grab(self) -> bool:
        if self._away():
            return False
        self._n = max(self._n + 1, int((time.monotonic() - self._start) * FPS))
        time.sleep(max(0.0, self._start + self._n / FPS - time.monotonic()))
        return True

    def retrieve(self) -> tuple[bool, Any]:
        left, top = (int(r * (1 + np.sin(self._n / 40 + k))) for k, r in enumerate((160, 120)))
        return True, np.ascontiguousarray(self._photo[top : top + SIZE[1], left : left + SIZE[0]])

    def get(self, prop: int) -> float:
        known = {cv2.CAP_PROP_FPS: FPS, cv2.CAP_PROP_FRAME_WIDTH: SIZE[0], cv2.CAP_PROP_FRAME_HEIGHT: SIZE[1]}
        return float(known.get(prop, 0))

    def release(self) -> None:
        pass

    def _away(self) -> bool:
        now = time.monotonic() - self._start
        return self._outage is not None and self._outage[0] <= now < self._outage[1]


class Ages(Mailbox[Shot]):
    """Notes how old each shot is when it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.ages: list[float] = []

    def take(self, timeout: float) -> Shot | None:
        shot = super().take(timeout)
        if shot is not None:
            self.ages.append(time.monotonic() - shot.time)
        return shot


class Log(Meter):
    """Keeps every frame that is shown as new: when it was captured, when drawn, and the memory then."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[float, float, float]] = []

    def add(self, captured: float, shown: float) -> None:
        super().add(captured, shown)
        self.rows.append((captured, shown, psutil.Process().memory_info().rss / 2**20))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument(
        "--warm-up", type=float, default=10.0, help="seconds left out: loading, settling (10)"
    )
    parser.add_argument("--outage", type=float, default=0.0, help="seconds without a camera (0)")
    parser.add_argument("--target-fps", type=float, default=FPS)
    args = parser.parse_args()
    seconds = args.warm_up + 60 * args.minutes
    outage = (seconds / 2, seconds / 2 + args.outage) if args.outage else None
    source = PannedPhoto(outage)
    camera = Camera(Source("0"), opener=source.opened, notify=print)
    camera.shots = shots = Ages()
    began = time.monotonic()
    session = Session(
        camera, Stylizer, Controls(), display=Window(), target_fps=args.target_fps, notify=print
    )
    session.meter = log = Log()
    session.run(lambda: time.monotonic() - began > seconds)
    rows = [row for row in log.rows if row[1] - began > args.warm_up]
    print(describe("torch", "openvino", "opencv-python"))
    report(rows, shots.ages[-len(rows) :])


def report(rows: list[tuple[float, float, float]], ages: list[float]) -> None:
    late = [shown - captured for captured, shown, _ in rows]
    rate = (len(rows) - 1) / (rows[-1][1] - rows[0][1])
    again = len(rows) - len({captured for captured, _, _ in rows})
    young = sum(age < 2 / FPS for age in ages) / len(ages)
    print(f"shown: {rate:.1f} new frames a second, {again} of them shown before")
    cuts = statistics.quantiles(late, n=20)
    print(f"capture to display: median {1000 * cuts[9]:.0f} ms, 95 % under {1000 * cuts[18]:.0f} ms")
    print(f"younger than two frame times when the network takes them: {young:.1%}")
    for part in np.array_split(np.array(rows), 10):
        latency = np.median(part[:, 1] - part[:, 0])
        print(
            f"  from {part[0, 1] - rows[0][1]:4.0f} s: {1000 * latency:3.0f} ms, {part[:, 2].max():.0f} MiB"
        )


if __name__ == "__main__":
    main()
