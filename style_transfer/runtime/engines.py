"""Choosing what runs a network."""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from style_transfer.errors import UnknownNameError, UserError
from style_transfer.networks.base import Statistics, StyleNetwork
from style_transfer.runtime.device import has_fast_int8
from style_transfer.runtime.look import Look
from style_transfer.runtime.torch_engine import Forward, TorchEngine

ENGINES = ("auto", "torch", "openvino")

_INSTALL = "pip install openvino"
_MOST_DIFFERENCE = 4.0  # of 255, mean; bfloat16's is below 1, int8's about 1, where sums saturate 4 to 8
_log = logging.getLogger("style_transfer")


class Engine(Protocol):
    """What every engine does; one thread at a time may use it."""

    def paint(self, frame: NDArray[np.uint8], look: Look) -> NDArray[np.uint8]:
        """``uint8`` ``(H, W, 3)`` RGB → a new array of the same, stylized at full strength."""

    def measure(self, frame: NDArray[np.uint8], look: Look) -> Statistics:
        """The statistics of the look's norms on ``frame``, ``(1, C)`` float32 each."""


@dataclass(frozen=True)
class Int8:
    """What is to be painted with convolutions in whole numbers: ``live`` or ``frozen`` looks, or both."""

    looks: tuple[Literal["live", "frozen"], ...]
    trial: Look  #: of the network, with ranges: int8 is kept if it paints this one well


def choose_engine(
    name: str,
    network: StyleNetwork,
    device: torch.device,
    precision: torch.dtype,
    int8: Int8 | None = None,
    *,
    compiled: bool = False,
    forward: Forward | None = None,
) -> tuple[Engine, str]:
    """An engine for ``network``, and a line that says which and why.

    ``auto`` is OpenVINO on the CPU, where it is installed and passes a check, and PyTorch on other devices.
    An OpenVINO that fails on this hardware falls back to PyTorch with one warning in the log, and ``int8``,
    which only OpenVINO has, to ``precision``. ``compiled`` and ``forward`` (see :class:`TorchEngine`) take
    PyTorch. Raises ``UserError`` for an unknown name, for OpenVINO asked
    for but not installed, or asked for on a GPU.
    """
    if name not in ENGINES:
        raise UnknownNameError("engine", name, ENGINES)
    if name == "openvino" and compiled:
        raise UserError("--compile is PyTorch's; leave it out, or use --engine torch")
    if name == "torch" or compiled or forward:
        engine = _torch_engine(network, device, precision, compiled=compiled, forward=forward)
        return engine, "torch: what runs compiled networks" if name == "auto" else "torch: asked for"
    if device.type != "cpu":
        if name == "openvino":
            raise UserError(
                f"engine openvino runs on the CPU; use --device cpu, or --engine torch on {device}"
            )
        return _torch_engine(network, device, precision), f"torch: what runs on {device}"
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
    reason = "openvino: asked for" if name == "openvino" else "openvino: the fastest on a CPU"
    if int8 is None:
        return engine, reason
    try:
        engine = _checked_int8(network, precision, int8)
    except Exception as error:
        cause = " ".join(str(error).split())[:200] or type(error).__name__
        _log.warning("int8 does not work here (%s); painting without it", cause)
        return engine, f"{reason}; int8 failed on this hardware"
    return engine, f"{reason}; int8 for looks with {' and '.join(sorted(int8.looks))} statistics"


def _torch_engine(
    network: StyleNetwork,
    device: torch.device,
    precision: torch.dtype,
    *,
    compiled: bool = False,
    forward: Forward | None = None,
) -> Engine:
    """PyTorch, as it is fastest on ``device``."""
    if device.type != "cuda":
        return TorchEngine(network, device, precision, compiled=compiled, forward=forward)
    from style_transfer.runtime.cuda_engine import CudaEngine

    return CudaEngine(network, device, precision, compiled=compiled, forward=forward)


def _checked_openvino(network: StyleNetwork, precision: torch.dtype) -> Engine:
    """An OpenVINO engine that paints a small picture as PyTorch does; raises whatever it raises otherwise."""
    from style_transfer.runtime.openvino_engine import OpenVinoEngine

    engine = OpenVinoEngine(network, "bf16" if precision == torch.bfloat16 else "f32")
    with torch.random.fork_rng([]):
        look = Look(network.initial_parameters(1))
    _check(engine, network, look, _trial_picture(40, 56, grain=1))
    return engine


def _checked_int8(network: StyleNetwork, precision: torch.dtype, int8: Int8) -> Engine:
    """The same in whole numbers; raises too where they saturate or round too much."""
    from style_transfer.runtime.openvino_engine import OpenVinoEngine

    engine = OpenVinoEngine(
        network,
        "bf16" if precision == torch.bfloat16 else "f32",
        int8=int8.looks,
        weight_bits=8 if has_fast_int8(torch.device("cpu")) else 7,
    )
    frame = _trial_picture(96, 128, grain=16)
    for kind in int8.looks:
        _check(engine, network, replace(int8.trial, statistics=None), frame, freeze=kind == "frozen")
    return engine


def _check(
    engine: Engine, network: StyleNetwork, look: Look, frame: NDArray[np.uint8], *, freeze: bool = False
) -> None:
    """Raise ``RuntimeError`` unless ``engine`` paints as PyTorch does, each with its own statistics."""
    exact = TorchEngine(network, torch.device("cpu"), torch.float32)
    painted, expected = (
        one.paint(frame, look.frozen(one.measure(frame, look)) if freeze else look) for one in (engine, exact)
    )
    difference = np.abs(painted.astype(np.int16) - expected).mean()
    if not difference <= _MOST_DIFFERENCE:
        raise RuntimeError(f"its picture is {difference:.0f} of 255 off")


def _trial_picture(height: int, width: int, grain: int) -> NDArray[np.uint8]:
    """Noise, blurred to spots of ``grain`` pixels."""
    small = np.random.default_rng(0).integers(0, 256, (height // grain, width // grain, 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
