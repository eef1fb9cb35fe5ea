"""A network as it is traced, and the check that what was written paints what PyTorch paints."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from style_transfer.errors import StyleTransferError
from style_transfer.networks.base import StyleNetwork
from style_transfer.networks.exported_file import SMALLEST
from style_transfer.networks.layers import Norms
from style_transfer.networks.styles import Statistics, StyleParameters

#: The largest difference from float32 PyTorch that passes. Half precision rounds every activation to 11 bits:
#: 0.009 with ``gallery-fast``, 0.023 with an untrained ``johnson``.
TOLERANCES = {"fp32": 1e-3, "fp16": 3e-2}
TRACED_SIZE = (37, 51)
_CHECKED_SIZES = ((16, 61), (64, 48), (129, 95))


class Traced(nn.Module):
    """A network as it is traced: its own copy, padding and cropping written for sizes that are symbols."""

    def __init__(self, network: StyleNetwork, precision: str) -> None:
        super().__init__()
        self.eval()
        self.dtype = torch.float16 if precision == "fp16" else torch.float32
        self.network = copy.deepcopy(network).to("cpu", self.dtype).eval().requires_grad_(False)

    def paint(self, image: Tensor, look: StyleParameters, statistics: Statistics | None = None) -> Tensor:
        """``(1, 3, H, W)`` float RGB in 0..1 → the same, in one look, live without ``statistics``."""
        # Gathering instead of F.pad and slicing, and multiples of the stride written as such: so the tracer
        # has nothing to branch on, and sees without solving anything that every stride divides.
        stride = self.network.plan.stride
        height, width = image.shape[-2:]
        rows = torch.arange((height + stride - 1) // stride * stride, device=image.device)
        columns = torch.arange((width + stride - 1) // stride * stride, device=image.device)
        x = image.index_select(2, rows.clamp(max=height - 1)).index_select(3, columns.clamp(max=width - 1))
        kind = _SingleNorms if self.dtype is torch.float16 else Norms
        norms = kind(look.scales, look.shifts, *(statistics or ()), epsilon=self.network.plan.epsilon)
        y = self.network._paint(x.to(self.dtype), norms, look.output_weight, look.output_bias)
        rows, columns = (torch.arange(size, device=image.device) for size in (height, width))
        return y.index_select(2, rows).index_select(3, columns)


class _SingleNorms(Norms):
    """In float32: half precision overflows where it sums squares, and loses what is far below a mean."""

    def __call__(self, x: Tensor) -> Tensor:
        return super().__call__(x.float()).to(x.dtype)


def dynamic(others: int) -> tuple[dict[int, Any] | None, ...]:
    """The dynamic dimensions of an image and of ``others`` tensors of fixed shape after it."""
    height, width = (torch.export.Dim(side, min=SMALLEST) for side in ("height", "width"))
    return ({2: height, 3: width}, *(None for _ in range(others)))


@torch.no_grad()
def compare(
    paint: Callable[[Tensor], Tensor],
    network: StyleNetwork,
    look: StyleParameters,
    statistics: Statistics | None,
    tolerance: float,
    path: Path,
) -> float:
    """The largest difference, 0..1, of what ``paint`` makes of ``(1, 3, H, W)`` pictures from ``network``.

    Raises ``StyleTransferError``, of the file ``path``, where it is above ``tolerance`` or no number.
    """
    worst = 0.0
    for size in _CHECKED_SIZES:
        image = noise(*size)
        difference = (paint(image) - network(image, *look, *(statistics or ()))).abs().max().item()
        if not difference <= tolerance:  # also for NaN
            raise StyleTransferError(
                f"'{path}' is not written: at {size[1]}x{size[0]} it differs from PyTorch "
                f"by {difference:.2g}, more than {tolerance:g}; try --precision fp32"
            )
        worst = max(worst, difference)
    return worst


def noise(height: int, width: int) -> Tensor:
    """The same picture at each call: coarse blocks under fine noise, so that every norm has work."""
    generator = torch.Generator().manual_seed(height * width)
    coarse = torch.rand(1, 3, 5, 5, generator=generator)
    blocks = nn.functional.interpolate(coarse, (height, width))
    return 0.8 * blocks + 0.2 * torch.rand(1, 3, height, width, generator=generator)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporters' notes about their own insides from the terminal."""
    with warnings.catch_warnings():
        for module in ("torch", "onnxscript", "onnx_ir", "copyreg"):
            warnings.filterwarnings("ignore", module=rf"{module}(\.|$)")
        yield
