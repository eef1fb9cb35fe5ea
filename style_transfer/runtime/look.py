"""What a frame is painted with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from style_transfer.errors import UserError
from style_transfer.networks.stored_model import Array
from style_transfer.networks.styles import Ranges, Statistics, StyleParameters

_BEYOND_ALL = np.float32(1e12)  # a variance beside which that of any picture is nothing


@dataclass(frozen=True)
class Look:
    """The mix of styles, how much of it shows, and the norms' statistics, if they are frozen.

    A look travels with each frame: a change of style, another viewer, another tile are only other looks.
    Its numbers are float32 arrays, not to be written into.
    """

    parameters: StyleParameters  #: of one mix, N = 1
    strength: float = 1.0  #: 0 is the photo, 1 the painting, evenly between
    preserve_color: bool = False  #: the photo's own colours, the painting's luminance
    statistics: Statistics | None = None  #: None: each frame gives its own
    ranges: Ranges | None = None  #: what int8 needs, of one mix

    def __post_init__(self) -> None:
        if not (math.isfinite(self.strength) and 0 <= self.strength <= 1):
            raise UserError(f"strength must be between 0 and 1, not {self.strength:g}")

    def frozen(self, statistics: Statistics) -> Look:
        """The same look with its statistics fixed."""
        return replace(self, statistics=statistics)

    @property
    def calm(self) -> Look:
        """The look with statistics in which nothing stands out: any picture becomes what a flat one does."""
        flat = np.zeros_like(self.parameters.scales)
        return self.frozen(Statistics(flat, flat + _BEYOND_ALL))


def blend(first: Look, second: Look, share: float) -> Look:
    """``first`` at a ``share`` of 0, ``second`` at 1, and in between a network that lies between theirs.

    Statistics go along where both looks have them, and are live where one has none.
    """

    def between(ours: Iterable[Array], theirs: Iterable[Array]) -> Iterator[Array]:
        for a, b in zip(ours, theirs, strict=True):
            yield a + share * (b - a) if share < 0.5 else b - (1 - share) * (b - a)  # exact at both ends

    ranges = None
    if first.ranges is not None and second.ranges is not None:
        ranges = Ranges(*between(first.ranges, second.ranges))

    statistics = None
    if first.statistics is not None and second.statistics is not None:
        statistics = Statistics(*between(first.statistics, second.statistics))
    return replace(
        first,
        parameters=StyleParameters(*between(first.parameters, second.parameters)),
        strength=first.strength + share * (second.strength - first.strength),
        statistics=statistics,
        ranges=ranges,
    )
