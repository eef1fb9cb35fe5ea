"""Styles: what is known of them, what they own, and how they are mixed. No PyTorch."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from style_transfer.errors import UnknownNameError, UserError


class StyleParameters(NamedTuple):
    """What a style owns, for N styles or mixes. Linear: a mix of styles is the weighted sum of theirs.

    Float32 arrays in a :class:`StoredModel` and in looks, tensors where a network is trained or traced.
    """

    scales: Any  #: ``(N, C)``, C the channels of all norms
    shifts: Any  #: ``(N, C)``
    output_weight: Any  #: ``(N, 3, features, k, k)``
    output_bias: Any  #: ``(N, 3)``


class Statistics(NamedTuple):
    """Means and (biased) variances that the norms of a network saw, ``(N, C)`` each, float32.

    Arrays or tensors, as with :class:`StyleParameters`.
    """

    means: Any
    variances: Any


class Ranges(NamedTuple):
    """What int8 needs to know of N styles or mixes: the numbers that enter each convolution but the first,
    which sees pixels, and the last, which belongs to the styles. P of them, with C input channels in all.

    Those of channel ``c`` are at most ``spans[its convolution] * units[c]`` away from ``centers[c]``, which
    is 0 where they follow a ReLU. Float32 arrays or tensors, as with :class:`StyleParameters`; linear but for
    the units, which all styles share, because they go into the weights: they even out channels of very
    different size before one step is chosen for all, after Nagel et al. 2019 and Xiao et al. 2023
    (SmoothQuant).
    """

    centers: Any  #: ``(N, C)``
    spans: Any  #: ``(N, P)``, above 0
    units: Any  #: ``(C,)``, above 0


@dataclass(frozen=True)
class Style:
    """What is known of a style; ``name`` is what users type."""

    name: str
    title: str = ""
    artist: str = ""
    year: str = ""
    licence: str = ""
    part: str = ""  #: of the painting, what is learned; see :func:`part_box`

    def __post_init__(self) -> None:
        for value in (self.name, self.title, self.artist, self.year, self.licence, self.part):
            # Control characters could do anything to the terminal that a stranger's model is listed on, and
            # surrogates, of file names that are no Unicode, cannot be written.
            if not isinstance(value, str) or any(unicodedata.category(c) in ("Cc", "Cs") for c in value):
                raise UserError(f"{value!r} cannot describe a style; write plain text on one line")
        part_box(self.part)

    def __str__(self) -> str:
        about = ", ".join(part for part in (self.title, self.artist, self.year) if part)
        return f"{self.name} ({about})" if about else self.name


def part_box(part: str) -> tuple[float, float, float, float]:
    """``"0.25, 0, 0.8, 1"`` → left, top, right and bottom of a part of a picture, 0..1 of its sides.

    ``""`` is all of it. Raises ``UserError`` for what is no part.
    """
    try:
        left, top, right, bottom = map(float, part.split(",")) if part else (0, 0, 1, 1)
        if 0 <= left < right <= 1 and 0 <= top < bottom <= 1:
            return left, top, right, bottom
    except ValueError:
        pass
    raise UserError(
        f"'{part}' is no part of a painting; write its left, top, right and bottom, 0 to 1 of the sides: "
        '"0.25, 0, 0.8, 1"'
    )


def mix_weights(names: Sequence[str], mix: Mapping[str, float]) -> NDArray[np.float32]:
    """``{name: weight}`` → ``(1, N)`` weights that sum to 1, in the order of ``names``.

    Raises ``UnknownNameError`` for a style that is not among them and ``UserError`` for weights that
    are negative, not finite, or sum to nothing.
    """
    row, known = np.zeros((1, len(names))), [composed(name) for name in names]
    for name, weight in mix.items():
        if composed(name) not in known:
            raise UnknownNameError("style", name, names)
        if not math.isfinite(weight) or weight < 0:
            raise UserError(f"style weight {name}:{weight:g} must be a number of 0 or more")
        row[0, known.index(composed(name))] += weight
    if not row.any():
        raise UserError("the style weights sum to nothing; give at least one a weight above 0")
    row /= row.max()  # so that neither the largest nor the smallest numbers overflow
    weights: NDArray[np.float32] = (row / row.sum()).astype(np.float32)
    return weights


def parse_mix(text: str) -> dict[str, float]:
    """``"udnie"`` or ``"starry_night:0.6,udnie:0.4"`` → weights by name; a bare name weighs 1."""
    mix: dict[str, float] = {}
    for part in text.split(","):
        name, colon, weight = part.strip().partition(":")
        try:
            value = float(weight) if colon else 1.0
        except ValueError:
            raise UserError(f"style weight '{weight}' in '{text}' is not a number; write name:0.6") from None
        if not name:
            raise UserError(f"no style name in '{text}'; write name or name:0.6,other:0.4")
        mix[name] = mix.get(name, 0.0) + value
    return mix


def check_style_names(names: Sequence[str]) -> None:
    """Raise ``UserError`` unless the names are there, distinct, and can be typed in a mix."""
    if not names:
        raise UserError("a model needs at least one style")
    for name in names:
        if not name or name != typeable_name(name):
            raise UserError(f"'{name}' cannot be a style's name; use letters, digits, '-' and '_'")
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise UserError(f"two styles are named '{twice[0]}'; rename one of the files")


def composed(name: str) -> str:
    """``name`` as it is typed: in names of files macOS may hold an accent apart from its letter."""
    return unicodedata.normalize("NFC", name)


def typeable_name(text: str) -> str:
    """``text`` with what a mix could not hold replaced: ``"a:b, c"`` → ``"a-b- c"``."""
    return "".join("-" if c in ":,;@/\\" or not c.isprintable() else c for c in text).strip()
