"""One pass of a network against the optimisation, photo by photo and style by style."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from style_transfer.evaluation.gatys import Iteration
from style_transfer.evaluation.objective import Objective, measured
from style_transfer.evaluation.yardstick import Curve, Yardstick
from style_transfer.media.pixels import Pixels
from style_transfer.runtime.stylizer import Stylizer
from style_transfer.runtime.tensors import to_tensor


@dataclass(frozen=True)
class Pair:
    """A photo in a style: what one pass makes of it, and what it is worth.

    ``losses``  of the pass: content, style, tone and tv unweighted, and the weighted total.
    ``photo_losses``  of the photo as it is, where the optimisation from it starts.
    ``curves``  of the optimisation, by start; empty where it was not asked for.
    """

    photo: str
    style: str
    losses: dict[str, float]
    photo_losses: dict[str, float]
    painted: Pixels
    curves: dict[str, Curve]

    @property
    def share(self) -> float | None:
        """Of the decrease of the objective from the photo to the end of its optimisation; 1: all of it.

        None where that was not asked for, or decreased nothing.
        """
        curve = self.curves.get("content")
        return curve.share(self.losses["total"]) if curve else None

    def worth(self, start: str) -> float | None:
        """How many iterations from ``start`` come as far as the pass; inf: more than were made."""
        curve = self.curves.get(start)
        return curve.worth(self.losses["total"]) if curve else None

    def record(self) -> dict[str, Any]:
        """JSON-serialisable; what is beyond the iterations made is None, beside ``optimised`` totals."""
        worth = {start: self.worth(start) for start in self.curves}
        return {
            "photo": self.photo,
            "style": self.style,
            "losses": self.losses,
            "photo_losses": self.photo_losses,
            "share": self.share,
            "worth": {start: _finite(value) for start, value in worth.items()},
            "optimised": {start: curve.totals[-1] for start, curve in self.curves.items()},
        }


def measure_pairs(
    stylizer: Stylizer,
    objective: Objective,
    photos: Sequence[tuple[str, Pixels]],
    styles: Sequence[str],
    yardstick: Yardstick | None,
    starts: Sequence[str],
    on_iteration: Callable[[Iteration], None],
) -> Iterator[Pair]:
    """Each photo in each style, the styles in the order of the objective's paintings."""
    for index, style in enumerate(styles):
        look = stylizer.make_look(style)
        for name, pixels in photos:
            photo = to_tensor(pixels)
            painted = stylizer(pixels, look)
            losses = objective.losses(photo, index)
            curves: dict[str, Curve] = {}
            if yardstick:
                curves = {start: yardstick.curve(photo, index, start, on_iteration) for start in starts}
            on_device = [to_tensor(picture).to(objective.device) for picture in (painted, pixels)]
            own, before = (measured(losses, picture) for picture in on_device)
            yield Pair(name, style, own, before, painted, curves)


def summary(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Means of the losses, and the median and the tenth percentile of the shares."""
    losses = {name: statistics.fmean(p.losses[name] for p in pairs) for name in pairs[0].losses}
    shares = [pair.share for pair in pairs if pair.share is not None]
    found: dict[str, Any] = {**losses, "pairs": len(pairs)}
    if shares:
        found["share"] = {
            "median": statistics.median(shares),
            "tenth_percentile": float(np.percentile(shares, 10)),
        }
    worth = {}
    for start in pairs[0].curves:
        values = [value for pair in pairs if (value := pair.worth(start)) is not None]
        worth[start] = _finite(statistics.median(values))
    if worth:
        found["worth"] = worth
    return found


def _finite(value: float | None) -> float | None:
    return value if value is not None and value < float("inf") else None
