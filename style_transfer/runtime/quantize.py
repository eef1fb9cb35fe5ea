"""What int8 needs to know of a model: between what the numbers lie that enter its convolutions.

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
from style_transfer.networks.styles import Ranges
from style_transfer.runtime.scaled import reduced
from style_transfer.runtime.tensors import to_tensor

PHOTOS = 24  #: that are enough; twice as many change the ranges by a few percent
PIXELS = 200_000  #: of a photo; larger ones are reduced
_HEADROOM = 1.4  # of a span over what was measured: photos differ, and clipping costs more than wide steps


def measure_ranges(
    model: StyleModel,
    photos: Iterable[NDArray[np.uint8]],
    *,
    units: Tensor | None = None,
    progress: Callable[[float], None] | None = None,
) -> Ranges:
    """The ranges of ``model``, for :attr:`StyleModel.ranges`: float32 tensors on the CPU.

    What counts is the largest and the smallest number of each channel, averaged over ``photos``, ``uint8``
    ``(H, W, 3)`` RGB: the average clips what few pixels reach, the largest of all would waste steps on them.
    ``units`` ``(C,)`` are those of a model that the styles of this one shall join; None finds the best.
    ``progress`` is called with the share done, 0..1. Raises ``ValueError`` where there are no photos.
    """
    frames = list(photos)
    if not frames:
        raise ValueError("to measure ranges takes photos")
    network = copy.deepcopy(model.network).cpu().float().eval()
    layers = [module for module in network.modules() if isinstance(module, ConvLayer)][1:]
    seen: list[Tensor] = []

    def look_at(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append(torch.stack(torch.aminmax(inputs[0][0].flatten(1), dim=1)))

    for layer in layers:
        layer.register_forward_pre_hook(look_at)
    channels = list(network.plan.range_channels)
    sums = torch.zeros(len(model.styles), 2, sum(channels))
    for done, frame in enumerate(frames, 1):
        x = to_tensor(reduced(frame, PIXELS))
        for number, name in enumerate(model.style_names):
            seen.clear()
            with torch.inference_mode():
                network(x, *(part.cpu() for part in model.mix({name: 1.0})))
                sums[number] += torch.cat(seen, 1)
        if progress:
            progress(done / len(frames))
    ends = torch.split(sums / len(frames), channels, 2)
    known = [None] * len(layers) if units is None else torch.split(units.cpu().float(), channels)
    signed = [name in network.plan.signed for name in list(network.plan.convolutions)[1:]]
    ranges = map(_range, ends, layers, signed, known)
    return Ranges(*(torch.cat(part, -1) for part in zip(*ranges, strict=True)))


def _range(
    ends: Tensor, layer: ConvLayer, signed: bool, unit: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Centers ``(N, c)``, span ``(N, 1)``, units ``(c,)`` of a convolution from ``ends`` ``(N, 2, c)``."""
    least, most = ends.unbind(1)
    center = (least + most) / 2 if signed else torch.zeros_like(most)
    extent = (most - center).clamp(min=1e-6)
    if unit is None:
        # The square root shares the unevenness between activations and weights, as SmoothQuant does.
        widest = extent.amax(0)
        weights = layer.conv.weight.detach().abs().amax((0, 2, 3))
        unit = (widest.clamp(min=0.01 * widest.max()) / weights.clamp(min=0.01 * weights.max())).sqrt()
        unit = (unit / unit.log().mean().exp()).clamp(1e-3, 1e3)
    span = _HEADROOM * (extent / unit).amax(1, keepdim=True)
    span = span.clamp(1e-5, 6e4)  # what float16 in a file can hold
    return center, span, unit
