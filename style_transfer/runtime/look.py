"""What a frame is painted with."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from style_transfer.errors import UserError
from style_transfer.networks.base import Statistics, StyleParameters


@dataclass(frozen=True)
class Look:
    """The mix of styles, how much of it shows, and the norms' statistics, if they are frozen.

    A look travels with each frame: a change of style, another viewer, another tile are only other looks.
    """

    parameters: StyleParameters  #: of one mix, N = 1
    strength: float = 1.0  #: 0 is the photo, 1 the painting, evenly between
    preserve_color: bool = False  #: the photo's own colours, the painting's luminance
    statistics: Statistics | None = None  #: None: each frame gives its own

    def __post_init__(self) -> None:
        if not (math.isfinite(self.strength) and 0 <= self.strength <= 1):
            raise UserError(f"strength must be between 0 and 1, not {self.strength:g}")

    def frozen(self, statistics: Statistics) -> Look:
        """The same look with its statistics fixed."""
        return replace(self, statistics=statistics)
