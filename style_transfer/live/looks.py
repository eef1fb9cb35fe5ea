"""Mixes as a person sets them, and the looks that they come to."""

from __future__ import annotations

import functools
from collections.abc import Callable

from style_transfer.live.controls import Weights
from style_transfer.runtime.look import Look
from style_transfer.runtime.stylizer import Stylizer


def looks_of(stylizer: Stylizer) -> Callable[[Weights], Look]:
    """The look of weights of the styles; the same weights give the same look again."""

    @functools.lru_cache(64)  # a slider makes many that never come again
    def look(weights: Weights) -> Look:
        return stylizer.make_look(dict(zip(stylizer.model.style_names, weights, strict=True)))

    return look
