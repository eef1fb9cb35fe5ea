"""What two trainers are compared by."""

from __future__ import annotations

import torch
from torch import Tensor

from style_transfer.training.trainer import Trainer


def weights(trainer: Trainer) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in trainer.parameters]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(map(torch.equal, a, b))
