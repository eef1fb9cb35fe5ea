"""What the CUDA engine asks of CUDA, where CUDA is a stand-in."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest
import torch

from style_transfer.errors import StyleTransferError
from style_transfer.runtime.gpu import Gpu


def test_a_capture_finds_everything_chosen_and_heeds_no_other_thread(monkeypatch):
    steps = []

    @contextlib.contextmanager
    def graph(_graph, pool, stream, *, capture_error_mode):
        steps.append((pool, stream, capture_error_mode))
        yield
        steps.append("captured")

    def work():
        assert torch.backends.cudnn.benchmark
        assert not torch.backends.cudnn.allow_tf32
        steps.append("work")
        return torch.zeros(1)

    gpu, compute = object.__new__(Gpu), SimpleNamespace(synchronize=lambda: steps.append("synchronized"))
    gpu._streams, gpu._pool = {"compute": compute}, "pool"
    monkeypatch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: SimpleNamespace(replay="replay"))
    before = torch.backends.cudnn.benchmark
    assert gpu.capture(work)[1] == "replay"
    assert steps[-4:] == ["synchronized", ("pool", compute, "thread_local"), "work", "captured"]
    assert steps[:-4] == ["work"] * 3
    assert torch.backends.cudnn.benchmark == before


def test_the_gpus_own_clock_takes_the_time(monkeypatch):
    class Moment:
        def __init__(self, *, enable_timing):
            assert enable_timing

        def record(self):
            self.at = now

        def elapsed_time(self, end):
            assert settled == 2  # it raises for what is still to come
            return end.at - self.at

    def work():
        nonlocal now
        now += 50 if now == 0 else 7  # the first time it is slow

    def settle(_):
        nonlocal settled
        settled += 1

    now, settled = 0, 0
    monkeypatch.setattr(torch.cuda, "Event", Moment)
    monkeypatch.setattr(Gpu, "on", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(Gpu, "settle", settle)
    assert object.__new__(Gpu).seconds("upload", work, 5) == pytest.approx(0.007)


def test_what_fails_on_a_gpu_is_one_line(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device", contextlib.nullcontext)
    gpu = object.__new__(Gpu)
    gpu.device = torch.device("cpu")
    lost = "CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronously reported"
    with (
        pytest.raises(StyleTransferError, match=r"^the GPU failed \(CUDA error: unspecified") as caught,
        gpu.guard(),
    ):
        raise RuntimeError(lost)
    assert "\n" not in str(caught.value)
    with pytest.raises(torch.OutOfMemoryError), gpu.guard():  # of pinned memory
        raise RuntimeError("CUDA error: out of memory")
    for error in (torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("a bug of ours")):
        with pytest.raises(type(error), match=str(error)), gpu.guard():
            raise error
