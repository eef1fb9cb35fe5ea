"""What int8 needs to know of a model: how large the numbers get that enter its convolutions.

Measured once, when a model is made, and kept in its file: run time needs neither photos nor a toolkit.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from style_transfer.networks.layers import ConvLayer
from style_transfer.networks.style_model import StyleModel
from style_transfer.runtime.tiling import reduced

PHOTOS = 24  #: that are enough; twice as many change the ranges by a few percent
_PIXELS = 200_000  # of a photo; larger ones are reduced


def measure_ranges(
    model: StyleModel,
    photos: Iterable[NDArray[np.uint8]],
    *,
    progress: Callable[[float], None] | None = None,
) -> Tensor:
    """The ranges of ``model``, for :attr:`StyleModel.ranges`: ``(styles, P)`` float32, on the CPU.

    For each style and each convolution but the first (which sees pixels) and the last (which belongs to the
    style): the largest magnitude in its input, averaged over ``photos``, ``uint8`` ``(H, W, 3)`` RGB. The
    average clips what few pixels reach; the largest of all would waste steps on them (mean difference from
    float32 1.2 instead of 0.9 of 255). ``progress`` is called with the share done, 0..1. Raises
    ``ValueError`` where there are no photos.
    """
    frames = list(photos)
    if not frames:
        raise ValueError("to measure ranges takes photos")
    network = copy.deepcopy(model.network).cpu().float().eval()
    layers = [module for module in network.modules() if isinstance(module, ConvLayer)][1:]
    seen: list[Tensor] = []

    def look_at(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append(inputs[0].abs().amax())

    for layer in layers:
        layer.register_forward_pre_hook(look_at)
    sums = torch.zeros(len(model.styles), len(layers))
    for done, frame in enumerate(frames, 1):
        small = np.ascontiguousarray(reduced(frame, _PIXELS))
        x = torch.tensor(small).permute(2, 0, 1)[None].float() / 255
        for number, name in enumerate(model.style_names):
            seen.clear()
            with torch.inference_mode():
                network(x, *(part.cpu() for part in model.mix({name: 1.0})))
                sums[number] += torch.stack(seen)
        if progress:
            progress(done / len(frames))
    return (sums / len(frames)).clamp(1e-6, 6e4)  # what float16 in a file can hold
