"""Choosing what runs a network."""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from style_transfer.errors import UnknownNameError, UserError, one_line
from style_transfer.networks.plan import Plan
from style_transfer.networks.stored_model import StoredNetwork
from style_transfer.networks.styles import Statistics, StyleParameters
from style_transfer.runtime.device import CPU, Device, has_fast_int8
from style_transfer.runtime.look import Look
from style_transfer.runtime.threads import set_threads

if TYPE_CHECKING:  # each is imported where it is chosen: PyTorch alone takes seconds
    from style_transfer.runtime.openvino_engine import OpenVinoEngine
    from style_transfer.runtime.torch_engine import Forward

ENGINES = ("auto", "torch", "openvino")

_INSTALL = "pip install openvino"
_MOST_DIFFERENCE = 4.0  # of 255, mean; bfloat16's is below 1, int8's about 1, where sums saturate 4 to 8
_LEAST_CONTRAST = 4.0  # of 255, the deviation of a painting of noise; a right one's is 11 and more
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
    network: StoredNetwork,
    device: Device,
    precision: str,
    int8: Int8 | None = None,
    *,
    compiled: bool = False,
    forward: Forward | None = None,
) -> tuple[Engine, str]:
    """An engine for ``network``, and a line that says which and why.

    ``precision`` is the name of a dtype. ``auto`` is OpenVINO on the CPU, where it is installed and passes a
    check, and PyTorch on other devices. An OpenVINO that fails on this hardware falls back to PyTorch with
    one warning in the log, and ``int8``, which only OpenVINO has, to ``precision``. ``compiled`` and
    ``forward`` (see :class:`TorchEngine`) take PyTorch. Raises ``UserError`` for an unknown name, for
    OpenVINO asked for but not installed, or asked for on a GPU.
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
        reason = f"torch: openvino, faster here, is missing ({_INSTALL})"
        return _torch_engine(network, device, precision), reason
    try:
        openvino = _checked_openvino(network, precision, int8)
    except Exception as error:  # whatever a compiler of another maker raises on unknown hardware
        _log.warning("OpenVINO does not work here (%s); using PyTorch, which is slower", one_line(error))
        return _torch_engine(network, device, precision), "torch: openvino failed on this hardware"
    reason = "openvino: asked for" if name == "openvino" else "openvino: the fastest on a CPU"
    if int8 is None:
        return openvino, reason
    if "live" in int8.looks and not openvino.int8:  # frozen ones alone are tried when one is to be painted
        return openvino, f"{reason}; int8 failed on this hardware"
    return openvino, f"{reason}; int8 for looks with {' and '.join(sorted(int8.looks))} statistics"


def _torch_engine(
    network: StoredNetwork,
    device: Device,
    precision: str,
    *,
    compiled: bool = False,
    forward: Forward | None = None,
) -> Engine:
    """PyTorch, as it is fastest on ``device``."""
    import torch

    from style_transfer.networks.style_model import build_network
    from style_transfer.runtime.torch_engine import TorchEngine

    set_threads()  # again: PyTorch may only now be there to be told
    kind = TorchEngine
    if device.type == "cuda":
        from style_transfer.runtime.cuda_engine import CudaEngine

        kind = CudaEngine
    dtype: torch.dtype = getattr(torch, precision)
    module = build_network(network)
    return kind(module, device.for_torch(), dtype, compiled=compiled, forward=forward)


def _checked_openvino(network: StoredNetwork, precision: str, int8: Int8 | None) -> OpenVinoEngine:
    """OpenVINO in ``precision``.

    Raises whatever OpenVINO raises, and ``RuntimeError`` where it paints nothing in float32, or in
    ``precision`` something else.
    """
    from style_transfer.runtime.openvino_engine import OpenVinoEngine

    options: dict[str, Any] = {}
    if int8 is not None:
        bits = 8 if has_fast_int8(CPU) else 7
        trial, ranges = partial(_int8_works, network, int8), int8.trial.ranges
        units = None if ranges is None else ranges.units
        options = {"int8": int8.looks, "weight_bits": bits, "units": units, "trial": trial}
    look, frame = _trial_look(network.plan), _trial_picture(40, 56, grain=1)
    exact = OpenVinoEngine(network, "f32", **options)
    expected = exact.paint(frame, look)
    if not expected.std((0, 1)).max() >= _LEAST_CONTRAST:  # what is not finite comes out black
        raise RuntimeError("its picture is of one colour")
    if precision != "bfloat16":
        return exact
    engine = OpenVinoEngine(network, "bf16", **options)
    _compare(engine.paint(frame, look), expected)
    return engine


def _int8_works(network: StoredNetwork, int8: Int8, engine: OpenVinoEngine) -> bool:
    """Whether ``engine`` paints in whole numbers nearly what float32 does; if not, a warning says why."""
    from style_transfer.runtime.openvino_engine import OpenVinoEngine

    exact = OpenVinoEngine(network)
    frame, look = _trial_picture(96, 128, grain=16), replace(int8.trial, statistics=None)
    try:
        for kind in int8.looks:
            # Each with its own statistics: int8 takes out what its rounding shifts.
            painted, expected = (
                one.paint(frame, look.frozen(one.measure(frame, look)) if kind == "frozen" else look)
                for one in (engine, exact)
            )
            _compare(painted, expected)
    except Exception as error:
        _log.warning("int8 does not work here (%s); painting without it", one_line(error))
        return False
    return True


def _compare(painted: NDArray[np.uint8], expected: NDArray[np.uint8]) -> None:
    """Raise ``RuntimeError`` unless they are nearly the same."""
    difference = np.abs(painted.astype(np.int16) - expected).mean()
    if not difference <= _MOST_DIFFERENCE:
        raise RuntimeError(f"its picture is {difference:.0f} of 255 off")


def _trial_look(plan: Plan) -> Look:
    """Neutral norms and a random output layer, whatever the model's styles are like."""
    scales, shifts, output_weight, output_bias = plan.parameter_shapes(1)
    spread = 1 / np.sqrt(np.prod(output_weight[2:]))
    weight = np.random.default_rng(0).uniform(-spread, spread, output_weight).astype(np.float32)
    ones, zeros = np.ones(scales, np.float32), np.zeros(shifts, np.float32)
    return Look(StyleParameters(ones, zeros, weight, np.zeros(output_bias, np.float32)))


def _trial_picture(height: int, width: int, grain: int) -> NDArray[np.uint8]:
    """Noise, blurred to spots of ``grain`` pixels."""
    small = np.random.default_rng(0).integers(0, 256, (height // grain, width // grain, 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
