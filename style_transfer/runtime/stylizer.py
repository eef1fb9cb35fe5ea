"""The façade: frames in, painted frames out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import torch
from numpy.typing import NDArray

from style_transfer.errors import UserError
from style_transfer.networks.base import Statistics
from style_transfer.networks.catalogue import DEFAULT_MODEL, load_model
from style_transfer.networks.style_model import StyleModel, parse_mix
from style_transfer.runtime.color import combine
from style_transfer.runtime.device import choose_device, choose_precision
from style_transfer.runtime.engines import choose_engine
from style_transfer.runtime.look import Look
from style_transfer.runtime.threads import set_threads
from style_transfer.runtime.tiling import reduced, tiles

_TILE_SIDE = 1024  # pixels; a multiple of every network's stride
_REFERENCE_PIXELS = 2_000_000  # of the reduced picture that gives a tiled one its statistics
_MOST_WORKING_BYTES = 2 << 30


class Stylizer:
    """Paints frames with one model.

    Args:
        model: a shipped model's name, a model file, or a loaded model.
        style: a style's name, a mix as text (``"great_wave:0.6,the_scream:0.4"``) or as a mapping of names to
            weights; None is the model's first style.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``, ``xpu``.
        precision: ``auto``, ``fp32``, ``bf16``, ``fp16``.
        engine: ``auto``, ``torch``, ``openvino``; :attr:`engine_reason` says what ``auto`` chose and why.
        strength: 0 gives the photo back exactly, 1 is the painting, evenly between.
        preserve_color: keep the photo's colours and take the painting's luminance only.

    Raises ``UserError`` for what cannot be: an unknown style, device, precision or engine, a damaged
    model file.
    """

    def __init__(
        self,
        model: str | Path | StyleModel = DEFAULT_MODEL,
        style: str | Mapping[str, float] | None = None,
        *,
        device: str = "auto",
        precision: str = "auto",
        engine: str = "auto",
        strength: float = 1.0,
        preserve_color: bool = False,
    ) -> None:
        self.model = model if isinstance(model, StyleModel) else load_model(model)
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        set_threads()
        self.engine, self.engine_reason = choose_engine(
            engine, self.model.network, self.device, self.precision
        )
        self.look = self.make_look(style, strength=strength, preserve_color=preserve_color)

    @property
    def summary(self) -> str:
        """Device, precision and engine in a line, with the reason for the engine."""
        precision = str(self.precision).removeprefix("torch.")
        return f"{self.device}, {precision}, {self.engine_reason}"

    def make_look(
        self,
        style: str | Mapping[str, float] | None = None,
        *,
        strength: float = 1.0,
        preserve_color: bool = False,
    ) -> Look:
        """A look of this model, for :attr:`look` or a single call; arguments as in the constructor."""
        if style is None:
            style = {self.model.style_names[0]: 1.0}
        mix = parse_mix(style) if isinstance(style, str) else style
        return Look(self.model.mix(mix), strength, preserve_color)

    def set_style(self, style: str | Mapping[str, float]) -> None:
        """Paint the frames that follow with another style or mix; takes no time."""
        self.look = replace(self.look, parameters=self.make_look(style).parameters)

    def __call__(
        self,
        frame: NDArray[np.uint8],
        look: Look | None = None,
        *,
        progress: Callable[[float], None] | None = None,
    ) -> NDArray[np.uint8]:
        """Stylize ``uint8`` ``(H, W, 3)`` RGB, any H and W from 1, to a new array of the same shape.

        A frame too large for memory is painted in tiles, without seams; ``progress`` is then called with the
        share done, 0..1. Raises ``UserError`` for an array of another kind.
        """
        look = look or self.look
        _check(frame)
        if look.strength == 0:
            return frame.copy()
        height, width = frame.shape[:2]
        needed = height * width * self.model.network.working_bytes_per_pixel
        if needed > working_memory(self.device):
            return self.paint_tiled(frame, look, progress=progress)
        frame = np.ascontiguousarray(frame)
        return combine(frame, self.engine.paint(frame, look), look)

    def measure(self, frame: NDArray[np.uint8], look: Look) -> Statistics:
        """The statistics of ``look`` on ``frame``, reduced if it is large, to freeze looks with."""
        return self.engine.measure(np.ascontiguousarray(reduced(frame, _REFERENCE_PIXELS)), look)

    def paint_tiled(
        self,
        frame: NDArray[np.uint8],
        look: Look | None = None,
        *,
        side: int = _TILE_SIDE,
        progress: Callable[[float], None] | None = None,
    ) -> NDArray[np.uint8]:
        """As calling the stylizer, in tiles of ``side`` pixels whatever the frame's size."""
        look = look or self.look
        _check(frame)
        if look.statistics is None:
            look = look.frozen(self.measure(frame, look))
        result = np.empty_like(frame)
        height, width = frame.shape[:2]
        plan = list(tiles(height, width, side, self.model.network.reach))
        for done, (view, core) in enumerate(plan, 1):
            tile = np.ascontiguousarray(frame[view])
            painted = combine(tile, self.engine.paint(tile, look), look)
            target = result[view][core]
            target[...] = painted[core]
            if progress:
                progress(done / len(plan))
        return result


def working_memory(device: torch.device) -> int:
    """Bytes a frame may take while it is painted: a third of what is free, at most 2 GiB."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    return min(_MOST_WORKING_BYTES, free // 3)


def _check(frame: NDArray[np.uint8]) -> None:
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        kind = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        raise UserError(f"a frame is a uint8 array of shape (height, width, 3), not {kind}")
    if frame.size == 0:
        raise UserError(f"a frame has at least one pixel, this one is {frame.shape[1]}x{frame.shape[0]}")
