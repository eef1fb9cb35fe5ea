"""What each picture of a batch is painted in: a style, or a mix of two."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot


def draw_mixes(count: int, styles: int, mix_share: float, generator: torch.Generator) -> Tensor:
    """``(count, styles)`` float weights, rows summing to 1, each style as often first as any other.

    Neighbours differ, since they paint the same photo. A ``mix_share`` of the rows, by chance, gives up to
    half to some other style.
    """
    order = torch.randperm(styles, generator=generator).repeat(-(-count // styles))[:count]
    alone = one_hot(order, styles).float()
    if not mix_share or styles == 1:
        return alone
    steps = torch.randint(1, styles, (count,), generator=generator)
    amounts = torch.rand(count, generator=generator) / 2
    mixed = torch.rand(count, generator=generator) < mix_share
    partners = one_hot((order + steps) % styles, styles).float()
    return torch.lerp(alone, partners, (amounts * mixed)[:, None])
