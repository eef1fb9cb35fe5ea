"""A model: one network and N named styles, mixed by weights."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from style_transfer.errors import UnknownNameError, UserError
from style_transfer.networks.base import StyleNetwork, StyleParameters
from style_transfer.networks.fast import FastNetwork
from style_transfer.networks.johnson import JohnsonNetwork

NETWORKS: dict[str, type[StyleNetwork]] = {cls.name: cls for cls in (FastNetwork, JohnsonNetwork)}


@dataclass(frozen=True)
class Style:
    """What is known of a style; ``name`` is what users type."""

    name: str
    title: str = ""
    artist: str = ""
    year: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        for value in (self.name, self.title, self.artist, self.year, self.licence):
            # Control characters could do anything to the terminal that a stranger's model is listed on.
            if not isinstance(value, str) or any(unicodedata.category(c) == "Cc" for c in value):
                raise UserError(f"{value!r} cannot describe a style; write plain text on one line")

    def __str__(self) -> str:
        about = ", ".join(part for part in (self.title, self.artist, self.year) if part)
        return f"{self.name} ({about})" if about else self.name


class StyleBank(nn.Module):
    """The parameters of N styles, trainable; a forward pass mixes them."""

    def __init__(self, parameters: StyleParameters) -> None:
        super().__init__()
        self.scales, self.shifts, self.output_weight, self.output_bias = map(nn.Parameter, parameters)

    @property
    def parameters_by_style(self) -> StyleParameters:
        return StyleParameters(self.scales, self.shifts, self.output_weight, self.output_bias)

    def forward(self, weights: Tensor) -> StyleParameters:
        """``weights`` ``(B, N)``, rows summing to 1 → the parameters of B mixes."""
        return StyleParameters(
            *(torch.tensordot(weights.to(p.dtype), p, dims=1) for p in self.parameters_by_style)
        )


@dataclass(eq=False)
class StyleModel:
    """One network plus named styles.

    ``training`` says how the model was made (free-form, JSON-serialisable); ``ranges``, ``(N, P)`` float32
    where they have been measured (``runtime.quantize``), the largest magnitude that enters each convolution
    but the first and the last, for each style. Both travel in the file.
    """

    network: StyleNetwork
    bank: StyleBank
    styles: list[Style]
    training: dict[str, Any] = field(default_factory=dict)
    ranges: Tensor | None = None

    @classmethod
    def create(cls, network: str, styles: Sequence[Style], **arguments: Any) -> StyleModel:
        """A new, untrained model of the architecture ``network`` ("fast" or "johnson")."""
        if network not in NETWORKS:
            raise UnknownNameError("network", network, NETWORKS)
        check_style_names([style.name for style in styles])
        module = NETWORKS[network](**arguments)
        return cls(module, StyleBank(module.initial_parameters(len(styles))), list(styles))

    @property
    def style_names(self) -> list[str]:
        return [style.name for style in self.styles]

    def weights(self, mix: Mapping[str, float]) -> Tensor:
        """``{name: weight}`` → ``(1, N)`` weights that sum to 1.

        Raises ``UnknownNameError`` for a style the model does not have and ``UserError`` for weights that
        are negative, not finite, or sum to nothing.
        """
        names = self.style_names
        row = torch.zeros(1, len(names), dtype=torch.float64)
        for name, weight in mix.items():
            if name not in names:
                raise UnknownNameError("style", name, names)
            if not math.isfinite(weight) or weight < 0:
                raise UserError(f"style weight {name}:{weight:g} must be a number of 0 or more")
            row[0, names.index(name)] += weight
        if row.sum() <= 0:
            raise UserError("the style weights sum to nothing; give at least one a weight above 0")
        row /= row.max()  # so that neither the largest nor the smallest numbers overflow
        return (row / row.sum()).float()

    def mix(self, mix: Mapping[str, float]) -> StyleParameters:
        """The parameters of one mix, ``N = 1``, detached; see :meth:`weights` for what is raised."""
        with torch.no_grad():
            mixed: StyleParameters = self.bank(self.weights(mix).to(self.bank.scales.device))
        return mixed

    def mix_ranges(self, mix: Mapping[str, float]) -> Tensor | None:
        """The ranges of one mix, ``(1, P)``, or None: they bound a mix as its scales and shifts do."""
        return None if self.ranges is None else self.weights(mix) @ self.ranges

    def to(self, device: torch.device | str) -> StyleModel:
        """Move network and styles to ``device``, in place."""
        self.network.to(device)
        self.bank.to(device)
        return self

    def describe(self) -> dict[str, Any]:
        """What the header of a model file says, JSON-serialisable."""
        return {
            "network": self.network.name,
            "arguments": self.network.arguments,
            "styles": [asdict(style) for style in self.styles],
            "training": self.training,
        }


def parse_mix(text: str) -> dict[str, float]:
    """``"great_wave"`` or ``"great_wave:0.6,the_scream:0.4"`` → weights by name; a bare name weighs 1."""
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


def typeable_name(text: str) -> str:
    """``text`` with what a mix could not hold replaced: ``"a:b, c"`` → ``"a-b- c"``."""
    return "".join("-" if c in ":,;@/\\" or not c.isprintable() else c for c in text).strip()


def check_tensors(network: StyleNetwork, parameters: StyleParameters, styles: int) -> None:
    """Raise ``ValueError`` unless the tensors fit ``network`` and hold finite numbers alone."""
    with torch.device("meta"):
        expected = network.initial_parameters(styles)
    for name, value, wanted in zip(StyleParameters._fields, parameters, expected, strict=True):
        if value.shape != wanted.shape:
            raise ValueError(f"styles.{name} is {tuple(value.shape)}, not {tuple(wanted.shape)}")
    tensors = {**network.state_dict(), **parameters._asdict()}
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"{name} holds numbers that are not finite")


def check_ranges(network: StyleNetwork, ranges: Tensor, styles: int) -> None:
    """Raise ``ValueError`` unless there is a range, above 0, for each style and quantised convolution."""
    wanted = (styles, len(network.norm_channels) - 1)  # a norm follows every convolution but the last
    if ranges.shape != wanted:
        raise ValueError(f"ranges is {tuple(ranges.shape)}, not {wanted}")
    if not (torch.isfinite(ranges) & (ranges > 0)).all():
        raise ValueError("ranges holds numbers that are not above 0")
