"""Muon for the network, Adam for what styles own, with a pace of its own for each kind of weight."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

from style_transfer.networks.style_model import StyleModel

# How much faster what styles own learns than the network: of fifteen styles, most have no picture in a batch,
# and some thousand numbers stand larger steps than a whole network.
_STYLES_PACE = 3.0
# The most numbers that an output convolution may sum up and still learn at that pace. Adam moves every weight
# as far, so a sum of more moves further: 9×9 of them would drive a picture to black within a few steps.
_OUTPUT_INPUTS = 144

_MOMENTUM = 0.95
_ROUNDS = 5  # of the Newton-Schulz iteration
_BETAS = (0.9, 0.999)
_EPSILON = 1e-8


class Optimizer(torch.optim.Optimizer):
    """Groups with ``orthogonal`` set learn by Muon (Jordan et al. 2024), others by Adam (Kingma, Ba 2015).

    Muon replaces the momentum of a convolution, as a matrix of outputs × inputs, by the nearest matrix whose
    directions all weigh the same, so that the few strong ones do not drown what the rest has to learn. Its
    updates are scaled to the size of Adam's (Liu et al. 2025), so that one learning rate suits both.
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, {"lr": lr, "orthogonal": False})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One update from the gradients that are there."""
        for group in self.param_groups:
            update = self._muon if group["orthogonal"] else self._adam
            for weight in group["params"]:
                if weight.grad is not None:
                    update(weight, weight.grad, group["lr"])

    def _muon(self, weight: Tensor, gradient: Tensor, lr: float) -> None:
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        momentum = state["momentum"].lerp_(gradient, 1 - _MOMENTUM)
        matrix = gradient.lerp(momentum, _MOMENTUM).flatten(1)  # Nesterov's look ahead
        size = 0.2 * max(matrix.shape) ** 0.5  # of Adam's updates, root mean square
        weight.sub_(orthogonalized(matrix).view(weight.shape), alpha=lr * size)

    def _adam(self, weight: Tensor, gradient: Tensor, lr: float) -> None:
        state = self.state[weight]
        if not state:
            state.update(
                step=torch.tensor(0.0), mean=torch.zeros_like(weight), square=torch.zeros_like(weight)
            )
        mean_beta, square_beta = _BETAS
        adam(
            [weight],
            [gradient],
            [state["mean"]],
            [state["square"]],
            [],
            [state["step"]],
            amsgrad=False,
            beta1=mean_beta,
            beta2=square_beta,
            lr=lr,
            weight_decay=0,
            eps=_EPSILON,
            maximize=False,
        )


def orthogonalized(matrix: Tensor) -> Tensor:
    """``(M, N)`` with singular values near 1 in place of its own; zeros stay zeros.

    From a hundredth of the largest on they come out between 0.5 and 1.3. The quintic
    Newton-Schulz iteration of Jordan et al. 2024, with their coefficients.
    """
    if matrix.shape[0] > matrix.shape[1]:  # the smaller square costs less
        return orthogonalized(matrix.t()).t()
    x: Tensor = matrix / (matrix.norm() + 1e-7)
    for _ in range(_ROUNDS):
        square = x @ x.t()
        x = x * 3.4445 + (square @ square * 2.0315 - square * 4.7750) @ x
    return x


def make_optimizer(model: StyleModel, lr: float) -> Optimizer:
    """For what of ``model`` is to be trained: its network, unless that takes no gradient, and its styles.

    Each group has a ``pace``, the factor of its learning rate.
    """
    output = model.bank.output_weight
    others = [p for p in model.bank.parameters() if p is not output]
    network = [p for p in model.network.parameters() if p.requires_grad]
    pace = _STYLES_PACE if network else 1.0
    output_pace = pace * min(1.0, _OUTPUT_INPUTS / output[0, 0].numel())
    groups: list[dict[str, Any]] = []
    if network:
        groups.append({"params": network, "pace": 1.0, "orthogonal": True})
    groups += [{"params": others, "pace": pace}, {"params": [output], "pace": output_pace}]
    return Optimizer(groups, lr)


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """``lr`` times each group's pace."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["pace"]
