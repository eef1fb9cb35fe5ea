"""A model for PyTorch: one network and N named styles, to be trained, evaluated and exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from style_transfer.errors import UnknownNameError
from style_transfer.networks.base import StyleNetwork
from style_transfer.networks.fast import FastNetwork
from style_transfer.networks.johnson import JohnsonNetwork
from style_transfer.networks.plan import PLANS
from style_transfer.networks.stored_model import Array, StoredModel, StoredNetwork, describe
from style_transfer.networks.styles import Ranges, Style, StyleParameters, check_style_names, mix_weights

_NETWORKS: dict[str, type[StyleNetwork]] = {"fast": FastNetwork, "johnson": JohnsonNetwork}


class StyleBank(nn.Module):
    """The parameters of N styles, trainable; a forward pass mixes them."""

    def __init__(self, parameters: StyleParameters) -> None:
        super().__init__()
        self.scales, self.shifts, self.output_weight, self.output_bias = map(nn.Parameter, parameters)

    @property
    def parameters_by_style(self) -> StyleParameters:
        return StyleParameters(self.scales, self.shifts, self.output_weight, self.output_bias)

    def forward(self, weights: Tensor) -> StyleParameters:
        """``weights`` ``(B, N)``, rows summing to 1 → the parameters of B mixes, as exact under autocast."""
        with torch.autocast(weights.device.type, enabled=False):
            return StyleParameters(
                *(torch.tensordot(weights.to(p.dtype), p, dims=1) for p in self.parameters_by_style)
            )


@dataclass(eq=False)
class StyleModel:
    """One network plus named styles; ``training`` and ``ranges`` as in :class:`StoredModel`."""

    network: StyleNetwork
    bank: StyleBank
    styles: list[Style]
    training: dict[str, Any] = field(default_factory=dict)
    ranges: Ranges | None = None

    @classmethod
    def create(cls, network: str, styles: Sequence[Style], **arguments: Any) -> StyleModel:
        """A new, untrained model of the architecture ``network`` ("fast" or "johnson")."""
        if network not in PLANS:
            raise UnknownNameError("network", network, PLANS)
        check_style_names([style.name for style in styles])
        module = _NETWORKS[network](PLANS[network](**arguments))
        return cls(module, StyleBank(module.initial_parameters(len(styles))), list(styles))

    @classmethod
    def of(cls, stored: StoredModel) -> StyleModel:
        """A model with the numbers of ``stored``, in memory of its own, on the CPU."""
        bank = StyleBank(StyleParameters(*map(torch.tensor, stored.parameters)))
        ranges = None if stored.ranges is None else Ranges(*map(torch.tensor, stored.ranges))
        return cls(build_network(stored.network), bank, list(stored.styles), dict(stored.training), ranges)

    def stored(self) -> StoredModel:
        """The same model without PyTorch, as it is now."""
        weights = {name: _array(value) for name, value in self.network.state_dict().items()}
        return StoredModel(
            StoredNetwork(self.network.plan, weights),
            StyleParameters(*map(_array, self.bank.parameters_by_style)),
            list(self.styles),
            dict(self.training),
            None if self.ranges is None else Ranges(*map(_array, self.ranges)),
        )

    @property
    def style_names(self) -> list[str]:
        return [style.name for style in self.styles]

    def weights(self, mix: Mapping[str, float]) -> Tensor:
        """``{name: weight}`` → ``(1, N)`` weights that sum to 1; raises as :func:`mix_weights` does."""
        return torch.from_numpy(mix_weights(self.style_names, mix))

    def mix(self, mix: Mapping[str, float]) -> StyleParameters:
        """The parameters of one mix, ``N = 1``, detached; see :meth:`weights` for what is raised."""
        with torch.no_grad():
            mixed: StyleParameters = self.bank(self.weights(mix).to(self.bank.scales.device))
        return mixed

    def to(self, device: torch.device | str) -> StyleModel:
        """Move network and styles to ``device``, in place."""
        self.network.to(device)
        self.bank.to(device)
        return self

    def describe(self) -> dict[str, Any]:
        """What the header of a model file says, JSON-serialisable."""
        return describe(self.network.plan, self.styles, self.training)


def build_network(stored: StoredNetwork) -> StyleNetwork:
    """The network that ``stored`` describes, with its weights, in memory of its own."""
    with torch.device("meta"):  # nothing is drawn at random only to be overwritten
        network = _NETWORKS[stored.plan.name](stored.plan)
    weights = {name: torch.tensor(value) for name, value in stored.weights.items()}
    network.load_state_dict(weights, assign=True)
    return network.eval()


def _array(tensor: Tensor) -> Array:
    """A copy, float32, of what may be on a GPU, in another layout, or still in training."""
    return np.array(tensor.detach().cpu().float().numpy(), order="C")
