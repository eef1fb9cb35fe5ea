"""How still a painted clip holds, and what the stillness costs: softness, paleness, style."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from style_transfer.evaluation.flow import Motion
from style_transfer.evaluation.motion import Clip
from style_transfer.media.pixels import Pixels

#: Frames in, painted frames out, in order; may remember those before.
Painter: TypeAlias = Callable[[Pixels], Pixels]

_STYLE_EVERY = 12  # frames; the loss network is slow
_LEAST_SEEN = 0.1  # of a frame; below, as at a cut, there is no motion to be measured by


@dataclass(frozen=True)
class Stability:
    """Means over a clip, of pictures in 0..1.

    ``warping_error``  mean squared difference of neighbouring frames along the motion of the input, over what
                       both show (Lai et al. 2018, "Learning blind video temporal consistency").
    ``contrast``       standard deviation of a frame's luminance.
    ``variation``      mean absolute difference of neighbouring pixels, down plus across: falls with softness.
    ``style_loss``     unweighted; None where it was not asked for.
    """

    warping_error: float | None
    contrast: float
    variation: float
    style_loss: float | None = None

    def over(self, other: Stability) -> dict[str, float | None]:
        """Each measure as a share of the other's; None where there is nothing to compare."""
        ours, theirs = asdict(self), asdict(other)
        return {
            name: value / theirs[name] if value is not None and theirs[name] else None
            for name, value in ours.items()
        }


@dataclass
class _Run:
    """One painter on its way through a clip."""

    painter: Painter
    before: NDArray[np.float32] | None = None
    errors: list[float] = field(default_factory=list)
    contrasts: list[float] = field(default_factory=list)
    variations: list[float] = field(default_factory=list)
    style_losses: list[float] = field(default_factory=list)

    def see(self, frame: Pixels, motion: Motion | None, style_loss: Callable[[Pixels], float] | None) -> None:
        painted = self.painter(frame)
        now = painted.astype(np.float32) / np.float32(255)
        if motion is not None and self.before is not None and motion.seen.mean() >= _LEAST_SEEN:
            error = motion.error(self.before, now)
            if error is not None:
                self.errors.append(error)
        if style_loss and len(self.contrasts) % _STYLE_EVERY == 0:
            self.style_losses.append(style_loss(painted))
        self.contrasts.append(float(cv2.cvtColor(now, cv2.COLOR_RGB2GRAY).std()))
        self.variations.append(float(sum(np.abs(np.diff(now, axis=axis)).mean() for axis in (0, 1))))
        self.before = now

    def result(self) -> Stability:
        return Stability(
            fmean(self.errors) if self.errors else None,
            fmean(self.contrasts),
            fmean(self.variations),
            fmean(self.style_losses) if self.style_losses else None,
        )


def measure_clip(
    clip: Clip, painters: Mapping[str, Painter], style_loss: Callable[[Pixels], float] | None = None
) -> dict[str, Stability]:
    """Each painter on the same frames, side by side, so that the motion is found once.

    ``warping_error`` is None for a clip without two frames that show the same.
    """
    runs = {name: _Run(painter) for name, painter in painters.items()}
    for frame, motion in clip:
        for run in runs.values():
            run.see(frame, motion, style_loss)
    return {name: run.result() for name, run in runs.items()}
