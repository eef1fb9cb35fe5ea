"""Running a network on an NVIDIA GPU: half precision, one CUDA graph a size, copies beside the computing."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from style_transfer.errors import one_line
from style_transfer.networks.base import StyleNetwork
from style_transfer.networks.stored_model import Array
from style_transfer.networks.styles import Statistics, StyleParameters
from style_transfer.runtime.device import Device, has_fast_bf16
from style_transfer.runtime.gpu import Gpu, Lane, Mark
from style_transfer.runtime.look import Look
from style_transfer.runtime.overflow import overflows
from style_transfer.runtime.torch_engine import Forward, TorchEngine, as_tensor

_AHEAD = 3  # frames under way at once: one on its way up, one being painted, one on its way down
_GRAPHS = 4  # sizes that are kept captured, live and frozen apart; each holds its activations
_FLAT = 4.0  # of 255, the deviation below which a frame says nothing of overflow: black ones give zeros
_JUDGED = 64  # looks that are remembered as free of overflow
_APART = 30  # frames between looks that are judged while each frame has another, as in a fade
_log = logging.getLogger("style_transfer")


class CudaEngine(TorchEngine):
    """One network on one NVIDIA GPU; looks come with each call.

    The first frame of a size runs operation by operation; the second in a row captures a CUDA graph, which
    later frames replay. A look is copied into the buffers that the graphs read, so a change of style captures
    nothing. Frames cross the bus as ``uint8``. :meth:`submit` returns at once: frame n+1 is uploaded
    while frame n is painted and frame n-1 comes back.

    Half precision that overflows goes on in bfloat16 (float32 where the GPU has none), with a line in the
    log. It is looked for on the first frame of a look that is not flat; while each frame has another look,
    as in a fade, on every thirtieth. Raises ``StyleTransferError`` where the GPU fails,
    ``torch.OutOfMemoryError`` where its memory does not suffice for a frame. One thread at a time may use
    it; any may ask tickets.
    """

    def __init__(
        self,
        network: StyleNetwork,
        device: torch.device,
        precision: torch.dtype,
        *,
        forward: Forward | None = None,
        compiled: bool = False,
        gpu: Gpu | None = None,
    ) -> None:
        self._gpu = gpu or Gpu(device)
        with self._gpu.guard():
            super().__init__(network, device, precision, forward=forward, compiled=compiled)
        #: what to take again if half precision overflows; None where it cannot, or has
        self._exact = network if precision == torch.float16 and forward is None else None
        self._judged: OrderedDict[int, StyleParameters] = OrderedDict()  # by identity
        self._unjudged = 0  # frames since a look was judged
        self._last: tuple[object, bool] = None, False  # the last frame's parameters; whether they were new
        self._look_buffers = _LookBuffers(self._gpu, device)
        self._frames: deque[_Buffers] = deque()
        self._graphs: OrderedDict[tuple[int, ...], _Graph] = OrderedDict()
        self._previous: tuple[int, ...] = ()
        self._capturing = True

    def paint(self, frame: NDArray[np.uint8], look: Look) -> NDArray[np.uint8]:
        """``uint8`` ``(H, W, 3)`` RGB → a new array of the same, stylized at full strength.

        Where memory runs out, ``torch.OutOfMemoryError``, and what earlier frames left there is let go of.
        """
        try:
            return self.submit(frame, look).result()
        except torch.OutOfMemoryError:
            self.release()
            raise

    @torch.inference_mode()
    def submit(self, frame: NDArray[np.uint8], look: Look) -> Ticket:
        """Begin to paint ``frame``, which is the caller's again on return; the ticket gives the painting.

        Waits while three frames are under way. Tickets may be asked in any order, or never.
        """
        gpu = self._gpu
        with gpu.guard(), gpu.kernels():
            if self._exact is not None:
                self._check_precision(self._exact, frame, look)
            buffers = self._buffers(frame.shape)
            buffers.host.copy_(as_tensor(frame))
            # It leaves with the caller; when he lets go of it, PyTorch hands it out again.
            result = gpu.pinned(*frame.shape)
            before: Lane | None = None
            for lane, work in self._stages(buffers, look, result).items():
                if before:
                    gpu.wait(lane, gpu.mark(before))
                with gpu.on(lane):
                    work()
                before = lane
            buffers.done = gpu.mark("download")
        return Ticket(gpu, buffers.done, result)

    @torch.inference_mode()
    def apart(self, frame: NDArray[np.uint8], look: Look, count: int = 50) -> dict[Lane, float]:
        """Seconds that each lane takes for a frame, alone on the GPU: medians of ``count``.

        Nothing, unless frames of this size were painted last: the first ones compile, large ones are tiled.
        """
        if self._previous[:3] != frame.shape:
            return {}
        with self._gpu.guard(), self._gpu.kernels():
            buffers = self._buffers(frame.shape)
            stages = self._stages(buffers, look, self._gpu.pinned(*frame.shape))
            return {lane: self._gpu.seconds(lane, work, count) for lane, work in stages.items()}

    def _stages(self, buffers: _Buffers, look: Look, result: Tensor) -> dict[Lane, Callable[[], object]]:
        """What each lane does to a frame, in order."""
        return {
            "upload": lambda: buffers.frame.copy_(buffers.host, non_blocking=True),
            "compute": lambda: buffers.painted.copy_(self._run(buffers.frame, self._look_buffers.fill(look))),
            "download": lambda: result.copy_(buffers.painted, non_blocking=True),
        }

    @torch.inference_mode()
    def measure(self, frame: NDArray[np.uint8], look: Look) -> Statistics:
        """The statistics of the look's norms on ``frame``, on the CPU."""
        with self._gpu.guard(), self._gpu.kernels():
            if self._exact is not None:
                self._check_precision(self._exact, frame, look)
            with self._gpu.on("compute"):
                return super().measure(frame, look)

    def _take(self, network: StyleNetwork, precision: torch.dtype) -> None:
        super()._take(network, precision)
        self._gpu.settle()  # its weights are made outside the lanes

    def release(self) -> None:
        """Let go of every graph and buffer; the frames that follow make new ones."""
        with self._gpu.guard():
            self._drop_graphs()
            self._frames.clear()
            self._gpu.release()

    def _drop_graphs(self) -> None:
        self._gpu.settle()
        self._graphs.clear()
        self._previous = ()

    def _run(self, frame: Tensor, look: Sequence[Tensor]) -> Tensor:
        """Paint on the compute lane; what is returned holds until the next call."""
        size = (*frame.shape, len(look))
        repeated, self._previous = size == self._previous, size
        if size in self._graphs:
            self._graphs.move_to_end(size)
            return self._graphs[size].run(frame)
        if repeated and self._capturing:
            while len(self._graphs) >= _GRAPHS:
                self._gpu.settle()
                self._graphs.popitem(last=False)
            try:
                self._graphs[size] = _Graph(self._gpu, frame, lambda given: self._pixels(given, list(look)))
            except RuntimeError as error:
                # For good: frames painted in turns with and without would differ, and each try takes time.
                self._capturing = False
                if isinstance(error, torch.OutOfMemoryError):
                    self._drop_graphs()
                    self._gpu.release()
                _log.warning("CUDA graphs do not work here (%s); going on without", one_line(error))
            else:
                return self._graphs[size].run(frame)
        return self._pixels(frame, list(look))

    def _buffers(self, shape: tuple[int, ...]) -> _Buffers:
        """Buffers that no frame under way uses any more."""
        for buffers in self._frames:
            if buffers.frame.shape != shape:  # another size: the old one's are let go
                self._gpu.settle()
                self._frames.clear()
                break
        if self._frames and (self._frames[0].free or len(self._frames) >= _AHEAD):
            oldest = self._frames.popleft()
            oldest.wait()
            self._frames.append(oldest)
            return oldest
        with self._gpu.on("compute"):  # PyTorch hands memory out again by the lane that it was made in
            frame = torch.empty(shape, dtype=torch.uint8, device=self.device)
            made = _Buffers(self._gpu.pinned(*shape), frame, torch.empty_like(frame))
        # What it handed out may be what a kernel that is still to run writes to, as it was let go of before.
        self._gpu.wait("upload", self._gpu.mark("compute"))
        self._frames.append(made)
        return made

    def _check_precision(self, exact: StyleNetwork, frame: NDArray[np.uint8], look: Look) -> None:
        """Leave float16 if it overflows with this look; a frame that is flat leaves the question open."""
        self._unjudged += 1
        before, was_new = self._last
        stays = look.parameters is before
        known = id(look.parameters) in self._judged
        self._last = look.parameters, not (known or stays)
        fades = was_new and not stays
        if known or (fades and self._unjudged < _APART) or frame[::8, ::8].std() < _FLAT:
            return
        with self._gpu.on("compute"):
            overflowing = overflows(self.network, self._picture(self._upload(frame)), self._look(look))
        self._unjudged = 0
        self._judged[id(look.parameters)] = look.parameters
        if len(self._judged) > _JUDGED:
            self._judged.popitem(last=False)
        if overflowing:
            self._exact = None
            self._drop_graphs()  # of frames before, which were flat
            self._take(exact, torch.bfloat16 if has_fast_bf16(Device.of(self.device)) else torch.float32)
            name = str(self.precision).removeprefix("torch.")
            _log.warning("float16 overflows in this network; going on in %s", name)


@dataclass(frozen=True)
class Ticket:
    """A frame under way."""

    _gpu: Gpu
    _done: Mark
    _result: Tensor

    def result(self) -> NDArray[np.uint8]:
        """The painting, ``uint8`` ``(H, W, 3)``, once it is there; it is the caller's own."""
        with self._gpu.guard():
            self._done.synchronize()
        painting: NDArray[np.uint8] = self._result.numpy()
        return painting


@dataclass
class _Buffers:
    """Where one frame under way lies: on the host, on the device, and painted."""

    host: Tensor
    frame: Tensor
    painted: Tensor
    done: Mark | None = field(default=None)

    @property
    def free(self) -> bool:
        return self.done is None or self.done.query()

    def wait(self) -> None:
        if self.done is not None:
            self.done.synchronize()


class _LookBuffers:
    """The tensors that networks read their looks from: at the same place in every frame."""

    def __init__(self, gpu: Gpu, device: torch.device) -> None:
        self._gpu, self._device = gpu, device
        self._holding: dict[str, object] = {}
        self._buffers: dict[str, list[Tensor]] = {}

    def fill(self, look: Look) -> list[Tensor]:
        """Copy the look if it is not there yet; its four tensors, or six with frozen statistics."""
        frozen = [] if look.statistics is None else self._put("statistics", look.statistics)
        return self._put("parameters", look.parameters) + frozen

    def _put(self, place: str, part: Sequence[Array]) -> list[Tensor]:
        if self._holding.get(place) is not part:
            tensors = [torch.from_numpy(array) for array in part]
            if place not in self._buffers:
                self._buffers[place] = [torch.empty_like(t, device=self._device) for t in tensors]
            for buffer, tensor in zip(self._buffers[place], tensors, strict=True):
                buffer.copy_(self._gpu.staged(tensor), non_blocking=True)
            self._holding[place] = part
        return self._buffers[place]


class _Graph:
    """Work on one size of frame, captured once."""

    def __init__(self, gpu: Gpu, frame: Tensor, work: Callable[[Tensor], Tensor]) -> None:
        self._frame = frame.clone()
        self._result, self._replay = gpu.capture(lambda: work(self._frame))

    def run(self, frame: Tensor) -> Tensor:
        self._frame.copy_(frame)
        self._replay()
        return self._result
