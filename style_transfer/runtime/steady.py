"""Statistics that follow a film slowly: less flicker than with every frame's own.

With live statistics whatever enters a picture changes its whole palette a little, frame by frame. Here they
are measured now and then, approached over about a second, and taken anew at once when the scene is cut.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from style_transfer.networks.stored_model import Array
from style_transfer.networks.styles import Statistics, StyleParameters
from style_transfer.runtime.look import Look, blend
from style_transfer.runtime.stylizer import Stylizer

_MEASURE_EVERY = 0.48  # seconds; each time costs a pass of the network
_FOLLOW = 0.94  # seconds in which all but 1/e of the way to what was measured is gone
_LONGEST_STEP = 1.0  # seconds: after a pause as after this
_USUAL_STEP = 1 / 25  # seconds, where nobody tells the time
_THUMBNAIL = (32, 18)  # pixels; what cuts are told by
_CUT = 0.12  # mean change of the thumbnail from one frame to the next, of the range; motion stays below half
_DARK_CUT = 0.3  # the same of the light of both, where the two show different things: at night there is less
_BRIGHTER = 1.15  # times the light of what was measured: a film that comes out of black, a camera that adapts
_ALIKE = 0.9  # least correlation of two thumbnails that show the same in another light
_FLAT = 0.02  # deviation of a thumbnail, of the range, below which a frame is no reference: fades, black
_BLANK = 2 / 255  # between the least and the most of a thumbnail, where grain is averaged away
_SPECK = 16  # levels between the least and the most of a frame: more is no grain


@dataclass
class _Track:
    """The statistics of one mix of styles: they belong to the parameters they were measured with."""

    parameters: StyleParameters
    target: Statistics
    current: Statistics
    thumbnail: Array  # of the frame that was measured
    age: float = 0.0  # seconds since

    def is_outshone(self, thumbnail: Array) -> bool:
        """Whether ``thumbnail`` shows what was measured, and brighter: its statistics would burn it out."""
        alike, gain = _compared(self.thumbnail, thumbnail)
        return alike and gain > _BRIGHTER

    def is_of(self, look: Look) -> bool:
        pairs = zip(self.parameters, look.parameters, strict=True)
        return all(a is b or np.array_equal(a, b) for a, b in pairs)


def _compared(before: Array, now: Array) -> tuple[bool, float]:
    """Whether two thumbnails show the same, in whatever light, and how much stronger the second shows it."""
    before, now = before - before.mean(), now - now.mean()
    common = float((before * now).sum())
    squares = float(np.square(before).sum()), float(np.square(now).sum())
    alike = common >= _ALIKE * (squares[0] * squares[1]) ** 0.5
    return alike, common / squares[0] if squares[0] else 0.0


def _is_blank(frame: NDArray[np.uint8], thumbnail: Array) -> bool:
    """Whether there is nothing to be seen but grain."""
    return all(
        float(np.ptp(part, (0, 1)).max()) <= most for part, most in ((thumbnail, _BLANK), (frame, _SPECK))
    )


class Steady:
    """Freezes looks with statistics that move slowly, frame by frame, in order."""

    def __init__(self, stylizer: Stylizer) -> None:
        self._stylizer = stylizer
        self._thumbnail: NDArray[np.float32] | None = None
        self._seconds: float | None = None  # of the last frame
        self._tracks: list[_Track] = []

    def follow(
        self,
        frame: NDArray[np.uint8],
        looks: Sequence[Look],
        share: float = 0.0,
        *,
        seconds: float | None = None,
    ) -> Look:
        """What to paint ``frame`` with: the one look, or ``share``, 0..1, of the way from it to the second.

        ``seconds`` is the frame's time, by any one clock; without it there are 25 frames a second. While
        there has been no frame to measure, as at a dark beginning, statistics are left live; but a blank
        one's noise is not painted.
        """
        thumbnail, flat, cut = self._see(frame)
        if cut:
            self._tracks = []
        self._tracks = [track for track in self._tracks if any(track.is_of(look) for look in looks)]
        step = self._step(seconds)
        frozen = [self._frozen(frame, thumbnail, look, flat, step) for look in looks]
        return frozen[0] if len(frozen) == 1 else blend(frozen[0], frozen[1], share)

    def _step(self, seconds: float | None) -> float:
        """Seconds since the last frame."""
        before, self._seconds = self._seconds, seconds
        if before is None or seconds is None:
            return _USUAL_STEP
        return min(_LONGEST_STEP, max(0.0, seconds - before))

    def _see(self, frame: NDArray[np.uint8]) -> tuple[Array, bool, bool]:
        """``frame`` in small, whether it is flat, and whether a cut lies before it."""
        small = cv2.resize(frame, _THUMBNAIL, interpolation=cv2.INTER_AREA)
        thumbnail: NDArray[np.float32] = small.astype(np.float32) / np.float32(255)
        before, self._thumbnail = self._thumbnail, thumbnail
        flat = bool(thumbnail.std(axis=(0, 1)).max() < _FLAT)
        if before is None:
            return thumbnail, flat, False
        change, light = float(np.abs(thumbnail - before).mean()), float((thumbnail + before).mean()) / 2
        other = not flat and change > _DARK_CUT * light and not _compared(before, thumbnail)[0]
        return thumbnail, flat, change > _CUT or other

    def _frozen(
        self, frame: NDArray[np.uint8], thumbnail: Array, look: Look, flat: bool, step: float
    ) -> Look:
        track = next((track for track in self._tracks if track.is_of(look)), None)
        if track is None:
            if flat:
                return look.calm if _is_blank(frame, thumbnail) else look
            measured = self._stylizer.measure(frame, look)
            self._tracks.append(_Track(look.parameters, measured, measured, thumbnail))
            return look.frozen(measured)
        track.age += step
        if not flat:
            outshone = track.is_outshone(thumbnail)
            if outshone or track.age > _MEASURE_EVERY - 1e-6:
                track.target, track.thumbnail, track.age = self._stylizer.measure(frame, look), thumbnail, 0.0
            if outshone:
                track.current = track.target
            share = np.float32(1 - math.exp(-step / _FOLLOW))
            moved = (c + share * (t - c) for c, t in zip(track.current, track.target, strict=True))
            track.current = Statistics(*moved)
        return look.frozen(track.current)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """What :meth:`restore` goes on from, exactly, in another process."""
        state: dict[str, NDArray[np.generic]] = {}
        if self._thumbnail is not None:
            state["thumbnail"] = self._thumbnail
        if self._seconds is not None:
            state["seconds"] = np.array(self._seconds)
        for number, track in enumerate(self._tracks):
            for kind in ("parameters", "target", "current"):
                for name, part in getattr(track, kind)._asdict().items():
                    state[f"track.{number}.{kind}.{name}"] = part
            state[f"track.{number}.thumbnail"] = track.thumbnail
            state[f"track.{number}.age"] = np.array(track.age)
        return state

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on where ``state`` was taken. Raises ``KeyError`` for what is none."""

        def arrays(kind: type[StyleParameters] | type[Statistics], prefix: str) -> dict[str, Array]:
            return {name: state[f"{prefix}.{name}"].astype(np.float32) for name in kind._fields}

        thumbnail = state.get("thumbnail")
        self._thumbnail = None if thumbnail is None else thumbnail.astype(np.float32)
        self._seconds = float(state["seconds"]) if "seconds" in state else None
        self._tracks = []
        while (prefix := f"track.{len(self._tracks)}") + ".age" in state:
            track = _Track(
                StyleParameters(**arrays(StyleParameters, f"{prefix}.parameters")),
                Statistics(**arrays(Statistics, f"{prefix}.target")),
                Statistics(**arrays(Statistics, f"{prefix}.current")),
                state[f"{prefix}.thumbnail"].astype(np.float32),
                float(state[f"{prefix}.age"]),
            )
            self._tracks.append(track)
