"""Mixes as a person sets them, and the looks that they come to."""

from __future__ import annotations

from style_transfer.live.controls import Weights
from style_transfer.runtime.look import Look
from style_transfer.runtime.stylizer import Stylizer

_KEPT = 64  # a slider makes many that never come again


class Looks:
    """Looks of one stylizer by the weights of their styles; the same weights give the same look again."""

    def __init__(self, stylizer: Stylizer) -> None:
        self._stylizer = stylizer
        self._looks: dict[Weights, Look] = {}

    def __getitem__(self, weights: Weights) -> Look:
        if weights not in self._looks:
            if len(self._looks) >= _KEPT:
                self._looks.clear()
            mix = dict(zip(self._stylizer.model.style_names, weights, strict=True))
            self._looks[weights] = self._stylizer.make_look(mix)
        return self._looks[weights]
