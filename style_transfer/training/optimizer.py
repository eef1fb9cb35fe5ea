"""Adam, with a pace of its own for each kind of weight."""

from __future__ import annotations

import torch

from style_transfer.networks.style_model import StyleModel

# How much faster what styles own learns than the network: of fifteen styles, most have no picture in a batch,
# and a few hundred numbers stand larger steps than a whole network.
_STYLES_PACE = 3.0
# The most numbers that an output convolution may sum up and still learn at that pace. Adam moves every weight
# as far, so a sum of more moves further: 9×9 of them would drive a picture to black within a few steps.
_OUTPUT_INPUTS = 144


def make_optimizer(model: StyleModel, lr: float) -> torch.optim.Adam:
    """For what of ``model`` is to be trained: its network, unless that takes no gradient, and its styles.

    Each group has a ``pace``, the factor of its learning rate.
    """
    output = model.bank.output_weight
    others = [p for p in model.bank.parameters() if p is not output]
    network = [p for p in model.network.parameters() if p.requires_grad]
    pace = _STYLES_PACE if network else 1.0
    output_pace = pace * min(1.0, _OUTPUT_INPUTS / output[0, 0].numel())
    groups = [{"params": network, "pace": 1.0}] if network else []
    groups += [{"params": others, "pace": pace}, {"params": [output], "pace": output_pace}]
    return torch.optim.Adam(groups, lr)


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """``lr`` times each group's pace."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["pace"]
