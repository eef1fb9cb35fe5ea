"""A model as it lies in a file: arrays and what is known of them. Painting takes no more; no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from style_transfer.networks.plan import Plan
from style_transfer.networks.styles import Ranges, Style, StyleParameters, mix_weights

Array: TypeAlias = "NDArray[np.float32]"


_LARGEST = 1e9  # of a network's numbers: sums of products of larger ones would not be finite


@dataclass(frozen=True, eq=False)
class StoredNetwork:
    """A network's plan and its weights: the state dictionary, float32, not to be written into."""

    plan: Plan
    weights: Mapping[str, Array]


@dataclass(eq=False)
class StoredModel:
    """One network plus named styles, float32; :class:`StyleModel` is the same for PyTorch, to be trained.

    ``training`` says how the model was made (free-form, JSON-serialisable); ``ranges`` are there where they
    have been measured (``runtime.quantize``). Both travel in the file.
    """

    network: StoredNetwork
    parameters: StyleParameters
    styles: list[Style]
    training: dict[str, Any] = field(default_factory=dict)
    ranges: Ranges | None = None

    @property
    def style_names(self) -> list[str]:
        return [style.name for style in self.styles]

    def weights(self, mix: Mapping[str, float]) -> Array:
        """``{name: weight}`` → ``(1, N)`` weights that sum to 1; raises as :func:`mix_weights` does."""
        return mix_weights(self.style_names, mix)

    def mix(self, mix: Mapping[str, float]) -> StyleParameters:
        """The parameters of one mix, ``N = 1``; see :meth:`weights` for what is raised."""
        weights = self.weights(mix)
        return StyleParameters(*(np.tensordot(weights, part, 1) for part in self.parameters))

    def mix_ranges(self, mix: Mapping[str, float]) -> Ranges | None:
        """The ranges of one mix, ``N = 1``, or None: they bound a mix as its scales and shifts do."""
        if self.ranges is None:
            return None
        weights = self.weights(mix)
        return self.ranges._replace(centers=weights @ self.ranges.centers, spans=weights @ self.ranges.spans)

    def describe(self) -> dict[str, Any]:
        """What the header of a model file says, JSON-serialisable."""
        return describe(self.network.plan, self.styles, self.training)

    def tensors(self) -> dict[str, Array]:
        """All numbers by the names that they have in a model file."""
        ranges = {} if self.ranges is None else self.ranges._asdict()
        network = {f"network.{name}": value for name, value in self.network.weights.items()}
        return (
            network
            | {f"styles.{k}": v for k, v in self.parameters._asdict().items()}
            | {f"int8.{k}": v for k, v in ranges.items()}
        )

    def check(self) -> None:
        """Raise ``ValueError`` unless every array fits the plan and holds finite numbers alone."""
        plan, styles = self.network.plan, len(self.styles)
        wanted: dict[str, tuple[int, ...]] = {f"network.{k}": v for k, v in plan.weight_shapes.items()}
        names = StyleParameters._fields
        wanted |= {f"styles.{k}": v for k, v in zip(names, plan.parameter_shapes(styles), strict=True)}
        if self.ranges is not None:
            shapes = zip(Ranges._fields, plan.ranges_shapes(styles), strict=True)
            wanted |= {f"int8.{k}": v for k, v in shapes}
        tensors = self.tensors()
        if missing := wanted.keys() ^ tensors.keys():
            raise ValueError(f"{min(missing)!r} is missing, or there without need")
        for name, value in tensors.items():
            if value.shape != wanted[name]:
                raise ValueError(f"{name} is {value.shape}, not {wanted[name]}")
            if not (np.abs(value) < _LARGEST).all():
                raise ValueError(f"{name} holds numbers that are not finite, or as good as that")
        if self.ranges is not None and not all((part > 0).all() for part in self.ranges[1:]):
            raise ValueError("int8 has spans or units that are not above 0")


def describe(plan: Plan, styles: Sequence[Style], training: Mapping[str, Any]) -> dict[str, Any]:
    """What the header of a model file says, JSON-serialisable."""
    return {
        "network": plan.name,
        "arguments": plan.arguments,
        "styles": [asdict(style) for style in styles],
        "training": training,
    }
