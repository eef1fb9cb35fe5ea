"""The façade: frames in, painted frames out."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from style_transfer.errors import StyleTransferError, UserError
from style_transfer.networks.catalogue import DEFAULT_MODEL, open_model
from style_transfer.networks.exported_file import OnnxModel, PackagedModel
from style_transfer.networks.stored_model import StoredModel
from style_transfer.networks.styles import Statistics, parse_mix
from style_transfer.runtime.color import combine
from style_transfer.runtime.device import choose_device, choose_precision, has_fast_int8
from style_transfer.runtime.engines import Engine, Int8, choose_engine
from style_transfer.runtime.exported_engine import compiled_forward, onnx_engine
from style_transfer.runtime.limits import free_memory, working_memory
from style_transfer.runtime.look import Look
from style_transfer.runtime.stream import overlapped
from style_transfer.runtime.threads import set_threads
from style_transfer.runtime.tiling import sampled, tiles

if TYPE_CHECKING:  # PyTorch comes with it
    from style_transfer.networks.style_model import StyleModel

_TILE_SIDE = 1024  # pixels; a multiple of every network's stride
_REFERENCE_PIXELS = 2_000_000  # of the parts that give a larger picture its statistics
_log = logging.getLogger("style_transfer")

#: A frame, what gives its painting, and the look.
_Painted: TypeAlias = "tuple[NDArray[np.uint8], Callable[[], NDArray[np.uint8]], Look]"


class Stylizer:
    """Paints frames with one model; threads that call it take turns. PyTorch is imported only if it paints.

    Args:
        model: a shipped model's name, a model file, an exported file, or a loaded model, as it is now.
        style: a style's name, a mix as text (``"starry_night:0.6,udnie:0.4"``) or as a mapping of names to
            weights; None is the model's first style.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``, ``xpu``.
        precision: ``auto``, ``fp32``, ``bf16``, ``fp16``, ``int8``. ``auto`` is what the hardware computes
            fast: int8 for looks with frozen statistics if the CPU is made for it and the model prepared.
        engine: ``auto``, ``torch``, ``openvino``; :attr:`engine_reason` says what ``auto`` chose and why.
        compiled: let ``torch.compile`` make the network faster; takes PyTorch, and up to a minute at first.
        strength: 0 gives the photo back exactly, 1 is the painting, evenly between.
        preserve_color: keep the photo's colours and take the painting's luminance only.

    Raises ``UserError`` for what cannot be: an unknown style, device, precision or engine, a damaged
    model file.
    """

    def __init__(
        self,
        model: str | Path | StoredModel | StyleModel = DEFAULT_MODEL,
        style: str | Mapping[str, float] | None = None,
        *,
        device: str = "auto",
        precision: str = "auto",
        engine: str = "auto",
        compiled: bool = False,
        strength: float = 1.0,
        preserve_color: bool = False,
    ) -> None:
        if isinstance(model, (str, Path)):
            model = open_model(model)
        self.model = model if isinstance(model, StoredModel) else model.stored()
        self._proven = 0  # bytes that a frame on the GPU took
        self._told = False  # that frames are too large for it
        self._lock = threading.Lock()  # engines keep what one frame needs where the next one finds it
        self.engine: Engine
        if isinstance(self.model, OnnxModel):
            set_threads()
            self.engine = onnx_engine(
                self.model, engine=engine, device=device, precision=precision, compiled=compiled
            )
            self.engine_reason = "onnxruntime: what runs ONNX files"
            self.device, self._precision = self.engine.device, self.engine.precision
        else:
            self._choose_engine(engine, device, precision, compiled)
        self.look = self.make_look(style, strength=strength, preserve_color=preserve_color)

    def _choose_engine(self, engine: str, device: str, precision: str, compiled: bool) -> None:
        self.device = choose_device(device)
        wanted = "auto" if precision == "int8" else precision
        if wanted == "auto" and self.device.type == "cuda":
            wanted = "fp16"  # finer than bfloat16 and as fast; of an overflow see CudaEngine
        self._precision = choose_precision(wanted, self.device)
        set_threads()
        forward = None
        if isinstance(self.model, PackagedModel) and engine == "auto":
            forward = compiled_forward(self.model, self.device, precision)
            if forward is not None:
                self._precision = "float32"  # of what goes in and out; inside, it is the package's own
        int8 = self._int8(precision, "torch" if compiled or forward else engine)
        self.engine, self.engine_reason = choose_engine(
            engine, self.model.network, self.device, self._precision, int8, compiled=compiled, forward=forward
        )

    def _int8(self, precision: str, engine: str) -> Int8 | None:
        """Which looks to paint in int8: all where it is asked for, frozen ones where it is fast and safe."""
        trial = self.make_look()
        if precision == "int8":
            if self.device.type != "cpu" or engine == "torch" or find_spec("openvino") is None:
                raise UserError("precision int8 takes --device cpu and --engine openvino; use auto instead")
            if trial.ranges is None:
                raise UserError(
                    "precision int8 needs a model that it has been prepared for;"
                    " 'style-transfer quantize FILE --dataset PHOTOS' does that"
                )
            return Int8(("live", "frozen"), trial)
        if precision != "auto" or engine == "torch" or trial.ranges is None or not has_fast_int8(self.device):
            return None
        return Int8(("frozen",), trial)

    @property
    def frozen_is_much_faster(self) -> bool:
        """Whether looks with frozen statistics are painted in int8 and those with live ones are not."""
        kinds: Collection[str] = getattr(self.engine, "int8", ())
        return "frozen" in kinds and "live" not in kinds

    @property
    def precision(self) -> str:
        """The dtype of what is not int8; on a GPU it changes when half precision overflows."""
        held = getattr(self.engine, "precision", "") if self.device.type == "cuda" else ""
        return str(held or self._precision).removeprefix("torch.")

    @property
    def summary(self) -> str:
        """Device, precision and engine in a line, with the reason for the engine."""
        return f"{self.device}, {self.precision}, {self.engine_reason}"

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
        return Look(self.model.mix(mix), strength, preserve_color, ranges=self.model.mix_ranges(mix))

    def set_style(self, style: str | Mapping[str, float]) -> None:
        """Paint the frames that follow with another style or mix; takes no time.

        Statistics that were frozen belonged to the former one: the new one's are each frame's own.
        """
        look = self.make_look(style)
        self.look = replace(self.look, parameters=look.parameters, ranges=look.ranges, statistics=None)

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
        if not self._fits(frame):
            return self.paint_tiled(frame, look, progress=progress)
        frame = np.ascontiguousarray(frame)
        try:
            with self._lock:
                painting = self.engine.paint(frame, look)
            return combine(frame, painting, look)
        except _out_of_memory():  # of a GPU, which other programs use too
            self._proven = 0
            height, width = frame.shape[:2]
            _log.warning("%dx%d is too large for the GPU's memory; painting in tiles", width, height)
        try:
            return self.paint_tiled(frame, look, progress=progress)
        except _out_of_memory() as error:
            raise StyleTransferError(
                "the GPU's memory does not suffice even for tiles; use --device cpu"
            ) from error

    def stream(self, frames: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
        """Stylize one frame after another, as calling the stylizer would, in order and with less waiting.

        ``frames`` are taken, painted, and put together with their paintings in threads of their own, a few
        ahead of what is yielded; their sizes may change. A style set in between holds for the frames that
        are not yet painted. Errors, also those of ``frames``, come in their turn. Nothing else may use the
        stylizer until the generator has ended or is closed, which ends its threads.
        """

        def paint(frame: NDArray[np.uint8]) -> _Painted:
            look = self.look
            alone = replace(look, strength=1.0, preserve_color=False) if look.strength else look
            return frame, self._begin(frame, alone), look

        def finish(painted: _Painted) -> NDArray[np.uint8]:
            frame, result, look = painted
            painting = result()
            return combine(np.ascontiguousarray(frame), painting, look) if look.strength else painting

        return overlapped(frames, paint, finish)

    def _begin(self, frame: NDArray[np.uint8], look: Look) -> Callable[[], NDArray[np.uint8]]:
        """What gives the painting; a GPU is still busy with it while the next frame is begun."""
        submit = getattr(self.engine, "submit", None)
        _check(frame)
        if submit is not None and look.strength and self._fits(frame):
            try:
                with self._lock:
                    result: Callable[[], NDArray[np.uint8]] = submit(np.ascontiguousarray(frame), look).result
            except _out_of_memory():
                self._proven = 0
            else:
                return result
        painting = self(frame, look)
        return lambda: painting

    @property
    def _whole_only(self) -> bool:
        """For a file that takes each picture's statistics inside, tiles would each be a picture."""
        return isinstance(self.model, OnnxModel) and not self.model.frozen

    def _fits(self, frame: NDArray[np.uint8]) -> bool:
        """Whether there is memory to paint ``frame`` as a whole."""
        needed: int = frame.shape[0] * frame.shape[1] * self.model.network.plan.working_bytes_per_pixel
        if self.device.type != "cuda":
            if self._whole_only:  # as far as there is any memory; ONNX Runtime takes more of it
                return 1.5 * needed <= free_memory()
            return needed <= working_memory(self.device)
        if needed > self._proven:  # asking a GPU takes time, and later its memory is in our own use
            if needed > working_memory(self.device):
                if not self._told:
                    _log.warning("too large for the GPU's memory; painting in tiles")
                self._told = True
                return False
            self._proven = needed
        return True

    def measure(self, frame: NDArray[np.uint8], look: Look) -> Statistics:
        """The statistics of ``look`` on ``frame``, on parts of it if it is large, to freeze looks with."""
        small = np.ascontiguousarray(sampled(frame, _REFERENCE_PIXELS))
        with self._lock:
            return self.engine.measure(small, look)

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
        if self._whole_only:
            raise UserError(
                "an ONNX file that takes each picture's own statistics cannot paint one in tiles;"
                " use --image-size, or export the model with --statistics frozen"
            )
        if look.statistics is None:
            look = look.frozen(self.measure(frame, look))
        result = np.empty_like(frame)
        height, width = frame.shape[:2]
        plan = list(tiles(height, width, side, self.model.network.plan.reach))
        for done, (view, core) in enumerate(plan, 1):
            tile = np.ascontiguousarray(frame[view])
            with self._lock:
                painted = self.engine.paint(tile, look)
            result[view][core] = combine(tile, painted, look)[core]
            if progress:
                progress(done / len(plan))
        return result


def _out_of_memory() -> tuple[type[Exception], ...]:
    """PyTorch's errors for it; none where PyTorch is not in use."""
    torch = sys.modules.get("torch")
    return () if torch is None else (torch.OutOfMemoryError,)


def _check(frame: NDArray[np.uint8]) -> None:
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        kind = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        raise UserError(f"a frame is a uint8 array of shape (height, width, 3), not {kind}")
    if frame.size == 0:
        raise UserError(f"a frame has at least one pixel, this one is {frame.shape[1]}x{frame.shape[0]}")
