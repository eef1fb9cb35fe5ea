"""Running a network with PyTorch, on any of its devices."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from style_transfer.errors import one_line
from style_transfer.networks.base import StyleNetwork, pad_to_stride
from style_transfer.networks.stored_model import Array
from style_transfer.networks.styles import Statistics, StyleParameters
from style_transfer.runtime.device import is_out_of_memory
from style_transfer.runtime.look import Look

#: As ``StyleNetwork.forward``: the picture, the look's four tensors, and its two statistics or none.
Forward = Callable[..., Tensor]

_log = logging.getLogger("style_transfer")


class TorchEngine:
    """One network on one device in one precision; looks come with each call.

    Args:
        network: copied, not changed.
        forward: computes what the network's own ``forward`` does, otherwise; None: the network's own.
        compiled: let ``torch.compile`` make the network faster, which takes the first frames of a size up to
            a minute; where it fails there is one warning in the log, and the network runs as it is.
    """

    def __init__(
        self,
        network: StyleNetwork,
        device: torch.device,
        precision: torch.dtype,
        *,
        forward: Forward | None = None,
        compiled: bool = False,
    ) -> None:
        self.device = device
        self._given, self._compiled = forward, compiled
        self._parts: dict[str, tuple[object, list[Tensor]]] = {}
        self._take(network, precision)

    def _take(self, network: StyleNetwork, precision: torch.dtype) -> None:
        self.precision = precision
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.network.to(self.device, precision, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._forward: Forward = self._given or (_Compiled(self.network) if self._compiled else self.network)

    @torch.inference_mode()
    def paint(self, frame: NDArray[np.uint8], look: Look) -> NDArray[np.uint8]:
        """``uint8`` ``(H, W, 3)`` RGB → a new array of the same, stylized at full strength."""
        result: NDArray[np.uint8] = self._pixels(self._upload(frame), self._look(look)).cpu().numpy()
        return result

    @torch.inference_mode()
    def measure(self, frame: NDArray[np.uint8], look: Look) -> Statistics:
        """The statistics of the look's norms on ``frame``, to freeze other frames or tiles with."""
        parameters = StyleParameters(*self._look(look)[:4])
        statistics = self.network.measure(self._picture(self._upload(frame)), parameters)
        return Statistics(*(part.cpu().numpy() for part in statistics))

    def _upload(self, frame: NDArray[np.uint8]) -> Tensor:
        return as_tensor(frame).to(self.device)

    def _look(self, look: Look) -> list[Tensor]:
        """The look's tensors on the device: four, or six with frozen statistics."""
        frozen = [] if look.statistics is None else self._tensors("statistics", look.statistics)
        return self._tensors("parameters", look.parameters) + frozen

    def _tensors(self, place: str, part: Sequence[Array]) -> list[Tensor]:
        """A part of a look on the device; nothing is done while it stays the same."""
        known = self._parts.get(place)
        if known is None or known[0] is not part:
            known = self._parts[place] = part, [torch.from_numpy(array).to(self.device) for array in part]
        return known[1]

    def _picture(self, frame: Tensor) -> Tensor:
        """``uint8`` ``(H, W, 3)`` → what networks take, channels_last: as the frame lies in memory."""
        return frame.permute(2, 0, 1)[None].to(self.precision).div_(255)

    def _pixels(self, frame: Tensor, look: list[Tensor]) -> Tensor:
        """``uint8`` ``(H, W, 3)`` → the same, painted, on the device."""
        painted = self._forward(self._picture(frame), *look)
        # Rounded, not truncated.
        painted = painted.mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)
        return painted[0].permute(1, 2, 0).contiguous()


def as_tensor(frame: NDArray[np.uint8]) -> Tensor:
    """The same memory; of a read-only array, which PyTorch warns of, a copy."""
    return torch.from_numpy(frame if frame.flags.writeable else frame.copy())


class _Compiled:
    """``torch.compile`` of a network; the network itself, with a warning, once a call has failed."""

    def __init__(self, network: StyleNetwork) -> None:
        self._network = network
        self._forward: Forward = torch.compile(network)

    def __call__(self, picture: Tensor, *look: Tensor) -> Tensor:
        # Of whole strides, as the network would make it: one graph serves every size, where each way to pad
        # would be another, which PyTorch 2.14 fails to compile.
        whole = pad_to_stride(picture, self._network.plan.stride)
        try:
            painted = self._forward(whole, *look)
        except Exception as error:  # of a compiler of another maker, or because there is none
            if self._forward is self._network or is_out_of_memory(error):
                raise
            _log.warning("torch.compile does not work here (%s); going on without it", one_line(error))
            self._forward = self._network
            painted = self._forward(whole, *look)
        height, width = picture.shape[-2:]
        return painted[..., :height, :width]
