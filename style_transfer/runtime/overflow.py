"""Whether half precision has room for what a network computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from style_transfer.networks.base import StyleNetwork
from style_transfer.networks.layers import ConvLayer


def overflows(network: StyleNetwork, picture: Tensor, look: Sequence[Tensor]) -> bool:
    """True if a convolution's result, or the painting, is not finite."""
    with _finite_convolutions(network) as finite:
        finite.append(network(picture, *look).isfinite().all())
    return not bool(torch.stack(finite).all())


@contextmanager
def _finite_convolutions(network: StyleNetwork) -> Iterator[list[Tensor]]:
    finite: list[Tensor] = []

    def look_at(_module: object, _inputs: object, result: Tensor) -> None:
        finite.append(result.isfinite().all())

    hooks = [
        module.register_forward_hook(look_at) for module in network.modules() if isinstance(module, ConvLayer)
    ]
    try:
        yield finite
    finally:
        for hook in hooks:
            hook.remove()
