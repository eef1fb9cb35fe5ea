"""The few things that the CUDA engine asks of CUDA; a test puts a stand-in in its place."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

import torch
from torch import Tensor

from style_transfer.errors import StyleTransferError
from style_transfer.runtime.device import is_out_of_memory

Lane = Literal["upload", "compute", "download"]


class Mark(Protocol):
    """A moment in a lane's work."""

    def synchronize(self) -> None:
        """Wait until the work has come to it."""

    def query(self) -> bool:
        """True once the work has come to it."""


def exact_kernels() -> AbstractContextManager[object]:
    """Within it a GPU's float32 is float32, not TF32; for one thread at a time."""
    flags: AbstractContextManager[object] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, allow_tf32=False
    )
    return flags


class Gpu:
    """Three streams of one CUDA device, which work at the same time, each in its own order."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        lanes: tuple[Lane, ...] = ("upload", "compute", "download")
        self._streams = {lane: torch.cuda.Stream(device) for lane in lanes}  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def on(self, lane: Lane) -> AbstractContextManager[object]:
        """Within it, what PyTorch does is queued in ``lane``."""
        stream: AbstractContextManager[object] = torch.cuda.stream(self._streams[lane])
        return stream

    def mark(self, lane: Lane) -> torch.cuda.Event:
        """The moment when all that is queued in ``lane`` so far is done."""
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(self._streams[lane])
        return event

    def wait(self, lane: Lane, mark: torch.cuda.Event) -> None:
        """Let ``lane`` do what is queued from now on only after ``mark``."""
        self._streams[lane].wait_event(mark)

    def pinned(self, *shape: int) -> Tensor:
        """Memory of the host that copies run from and to in the background, ``uint8``.

        PyTorch keeps what is given back and hands it out again: after the first frames nothing is allocated.
        """
        return torch.empty(shape, dtype=torch.uint8, pin_memory=True)

    def staged(self, tensor: Tensor) -> Tensor:
        """``tensor`` where a copy to the device need not wait for the device."""
        return tensor.cpu().pin_memory()

    def capture(self, work: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], None]]:
        """``work`` as a CUDA graph: the tensor that holds its result after each call of the second thing.

        All graphs share one memory pool, because they run one after another, and a result is taken away
        before the next graph runs.
        """
        compute = self._streams["compute"]
        with self.on("compute"), torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
            for _ in range(3):  # compiles, allocates, and lets cuDNN choose its fastest convolutions
                work()
            compute.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, self._pool, compute, capture_error_mode="thread_local"):
                result = work()
        return result, graph.replay

    def seconds(self, lane: Lane, work: Callable[[], object], count: int) -> float:
        """What ``work`` takes in ``lane``, nothing beside it: the median of ``count``, by the GPU's clock."""
        self.settle()
        with self.on(lane):
            moments = [self._timed(work) for _ in range(count)]
        self.settle()
        took: list[float] = [begin.elapsed_time(end) for begin, end in moments]  # ms
        return statistics.median(took) / 1e3

    def _timed(self, work: Callable[[], object]) -> tuple[torch.cuda.Event, torch.cuda.Event]:
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        begin.record()
        work()
        end.record()
        return begin, end

    def settle(self) -> None:
        """Wait until everything is done."""
        torch.cuda.synchronize(self.device)

    def release(self) -> None:
        """Give memory that is not in use back to the driver."""
        torch.cuda.empty_cache()

    def kernels(self) -> AbstractContextManager[object]:
        """As :func:`exact_kernels`."""
        return exact_kernels()

    @contextmanager
    def guard(self) -> Iterator[None]:
        """One line for a GPU that fails; memory that runs out stays ``torch.OutOfMemoryError``."""
        try:
            with torch.cuda.device(self.device):
                yield
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            if "CUDA" not in reason and "cuDNN" not in reason:
                raise
            if is_out_of_memory(error):
                raise torch.OutOfMemoryError(reason) from error
            raise StyleTransferError(
                f"the GPU failed ({reason}); start again, or use --device cpu"
            ) from error
