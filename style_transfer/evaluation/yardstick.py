"""Curves of the optimisation, to measure one pass of a network by; kept in a folder, as they take minutes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from style_transfer.errors import InputFileError
from style_transfer.evaluation.gatys import Iteration, noise_like, optimise
from style_transfer.evaluation.objective import Objective
from style_transfer.files import write_json
from style_transfer.media.image import Picture, read_image
from style_transfer.media.image_writer import write_image
from style_transfer.media.pixels import Pixels
from style_transfer.runtime.tensors import to_pixels

#: Goes up when the optimisation changes, so that old curves are no longer found.
_VERSION = 1
STARTS = ("content", "noise")
_SEED = 0  # of the noise


@dataclass(frozen=True)
class Curve:
    """The objective's total at the start and after each iteration, and the picture at the end."""

    totals: list[float]
    picture: Pixels

    def share(self, total: float) -> float | None:
        """How much of the decrease from the start to the end a picture with ``total`` reaches; 1: all.

        None where the optimisation decreased nothing.
        """
        decrease = self.totals[0] - self.totals[-1]
        return (self.totals[0] - total) / decrease if decrease > 0 else None

    def worth(self, total: float) -> float:
        """After how many iterations the curve is down at ``total``, between two by the line; inf: never."""
        for number, (before, after) in enumerate(zip(self.totals, self.totals[1:], strict=False)):
            if before <= total:
                return float(number)
            if after <= total:
                return number + (before - total) / (before - after)
        return float("inf") if total < self.totals[-1] else float(len(self.totals) - 1)


class Yardstick:
    """Optimises photos and styles for ``iterations``; what ``folder`` holds already is read instead."""

    def __init__(self, objective: Objective, iterations: int, folder: Path | None) -> None:
        self.objective, self.iterations, self.folder = objective, iterations, folder

    def curve(
        self,
        photo: Tensor,
        style: int,
        start: str,
        on_iteration: Callable[[Iteration], None] = lambda _: None,
    ) -> Curve:
        """The curve from ``start``, one of :data:`STARTS`; ``photo`` is ``(1, 3, H, W)``."""
        made_of = f"{_VERSION} {start} {_SEED} {self.iterations} {self.objective.key(photo, style)}"
        name = hashlib.sha256(made_of.encode()).hexdigest()[:24]
        if self.folder and (known := _read(self.folder / f"{name}.json")):
            return known
        photo = photo.to(self.objective.device)
        totals: list[float] = []

        def note(iteration: Iteration) -> None:
            totals.append(iteration.losses["total"])
            on_iteration(iteration)

        begin = noise_like(photo, _SEED) if start == "noise" else photo
        picture = optimise(self.objective.losses(photo, style), begin, self.iterations, note)
        curve = Curve(totals, to_pixels(picture))
        if self.folder:
            _write(self.folder / f"{name}.json", curve)
        return curve


def _read(path: Path) -> Curve | None:
    """A kept curve; None where there is none that can be read."""
    try:
        totals = json.loads(path.read_text(encoding="utf-8"))["totals"]
        picture = read_image(path.with_suffix(".png")).frames[0]
    except (OSError, ValueError, KeyError, TypeError, InputFileError):
        return None
    return Curve([float(total) for total in totals], picture)


def _write(path: Path, curve: Curve) -> None:
    write_image(Picture([curve.picture]), path.with_suffix(".png"))
    write_json(path, {"totals": curve.totals})  # last: a curve that is there has its picture
