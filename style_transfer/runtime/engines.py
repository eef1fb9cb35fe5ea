"""Choosing what runs a network."""

from __future__ import annotations

import importlib.util
import logging
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from style_transfer.errors import UnknownNameError, UserError
from style_transfer.networks.base import Statistics, StyleNetwork
from style_transfer.runtime.look import Look
from style_transfer.runtime.torch_engine import TorchEngine

ENGINES = ("auto", "torch", "openvino")

_INSTALL = "pip install openvino"
_MOST_DIFFERENCE = 4.0  # of 255, mean; bfloat16's is below 1
_log = logging.getLogger("style_transfer")


class Engine(Protocol):
    """What every engine does; one thread at a time may use it."""

    def paint(self, frame: NDArray[np.uint8], look: Look) -> NDArray[np.uint8]:
        """``uint8`` ``(H, W, 3)`` RGB → a new array of the same, stylized at full strength."""

    def measure(self, frame: NDArray[np.uint8], look: Look) -> Statistics:
        """The statistics of the look's norms on ``frame``, ``(1, C)`` float32 each."""


def choose_engine(
    name: str, network: StyleNetwork, device: torch.device, precision: torch.dtype
) -> tuple[Engine, str]:
    """An engine for ``network``, and a line that says which and why.

    ``auto`` is OpenVINO on the CPU, where it is installed and passes a check, and PyTorch on other devices.
    An OpenVINO that fails on this hardware falls back to PyTorch with one warning in the log. Raises
    ``UserError`` for an unknown name, for OpenVINO asked for but not installed, or asked for on a GPU.
    """
    if name not in ENGINES:
        raise UnknownNameError("engine", name, ENGINES)
    if name == "torch":
        return TorchEngine(network, device, precision), "torch: asked for"
    if device.type != "cpu":
        if name == "openvino":
            raise UserError(
                f"engine openvino runs on the CPU; use --device cpu, or --engine torch on {device}"
            )
        return TorchEngine(network, device, precision), f"torch: what runs on {device}"
    if importlib.util.find_spec("openvino") is None:
        if name == "openvino":
            raise UserError(f"engine openvino is not installed; {_INSTALL}")
        return TorchEngine(
            network, device, precision
        ), f"torch: openvino, faster here, is missing ({_INSTALL})"
    try:
        engine = _checked_openvino(network, precision)
    except Exception as error:  # whatever a compiler of another maker raises on unknown hardware
        cause = " ".join(str(error).split())[:200] or type(error).__name__
        _log.warning("OpenVINO does not work here (%s); using PyTorch, which is slower", cause)
        return TorchEngine(network, device, precision), "torch: openvino failed on this hardware"
    return engine, "openvino: asked for" if name == "openvino" else "openvino: the fastest on a CPU"


def _checked_openvino(network: StyleNetwork, precision: torch.dtype) -> Engine:
    """An OpenVINO engine that paints a small picture as PyTorch does; raises whatever it raises otherwise."""
    from style_transfer.runtime.openvino_engine import OpenVinoEngine

    engine = OpenVinoEngine(network, "bf16" if precision == torch.bfloat16 else "f32")
    generator = torch.Generator().manual_seed(0)
    frame = torch.randint(0, 256, (40, 56, 3), dtype=torch.uint8, generator=generator).numpy()
    with torch.random.fork_rng([]):
        look = Look(network.initial_parameters(1))
    expected = TorchEngine(network, torch.device("cpu"), torch.float32).paint(frame, look)
    difference = np.abs(engine.paint(frame, look).astype(np.int16) - expected).mean()
    if not difference <= _MOST_DIFFERENCE:
        raise RuntimeError(f"its picture is {difference:.0f} of 255 off")
    return engine
