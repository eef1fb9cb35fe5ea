"""PyTorch as an engine: ``--compile``, where it works and where it does not, and why there is no GPU."""

from __future__ import annotations

import functools
import os

import numpy as np
import pytest
import torch
from helpers import photo_pixels

from style_transfer.cli.stylize import main as stylize_command
from style_transfer.errors import UserError
from style_transfer.runtime.device import choose_device
from style_transfer.runtime.look import Look
from style_transfer.runtime.stylizer import Stylizer
from style_transfer.runtime.torch_engine import TorchEngine


def test_a_compiled_network_is_the_one_that_runs(model, monkeypatch):
    calls = []

    def compile_network(network):
        return lambda *inputs: calls.append((len(inputs), inputs[0].shape[2:])) or network(*inputs)

    monkeypatch.setattr(torch, "compile", compile_network)
    stylize = Stylizer(model, device="cpu", precision="fp32", compiled=True)
    assert type(stylize.engine) is TorchEngine
    frame = photo_pixels(30, 40)
    frozen = stylize.look.frozen(stylize.measure(frame, stylize.look))
    plain = Stylizer(model, device="cpu", precision="fp32", engine="torch")
    for look in (stylize.look, frozen):
        assert np.abs(stylize(frame, look).astype(int) - plain(frame, look)).max() <= 1
    assert calls == [(5, (32, 40)), (7, (32, 40))]  # of whole strides, so that one graph serves every size


@pytest.mark.parametrize("works", [0, 1])  # a compiler is asked anew for another size
def test_a_compiler_that_fails_is_one_warning(model, monkeypatch, caplog, works):
    def compile_network(network):
        def compiled(*inputs):
            calls.append(inputs)
            if len(calls) > works:
                raise RuntimeError("no C++\ncompiler")
            return network(*inputs)

        return compiled

    calls = []
    monkeypatch.setattr(torch, "compile", compile_network)
    stylize = Stylizer(model, device="cpu", compiled=True, engine="torch")
    frame = photo_pixels(30, 40)
    plain = Stylizer(model, device="cpu", engine="torch")
    for _ in range(4):
        assert (stylize(frame) == plain(frame)).all()
    (record,) = caplog.records
    assert "torch.compile does not work here (no C++ compiler)" in record.getMessage()
    assert len(calls) == works + 1


def test_want_of_memory_says_nothing_of_the_compiler(model, monkeypatch, caplog):
    def compile_network(_network):
        return lambda *_: pytest.fail("painted") if not errors else raise_(errors.pop())

    def raise_(error):
        raise error

    errors = [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("CUDA error: out of memory")]
    monkeypatch.setattr(torch, "compile", compile_network)
    engine = TorchEngine(model.network, torch.device("cpu"), torch.float32, compiled=True)
    look = Look(model.stored().mix({model.style_names[0]: 1}))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="out of memory"):
            engine.paint(photo_pixels(16, 16), look)
    assert not caplog.records


@pytest.mark.skipif(
    "REQUIRE_COMPILER" not in os.environ, reason="takes many seconds; REQUIRE_COMPILER=1 runs it"
)
def test_every_size_is_compiled(model, monkeypatch, caplog):
    """By all of PyTorch's compiler but its last part, which takes a minute."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    torch.compiler.reset()
    stylize = Stylizer(model, device="cpu", precision="fp32", compiled=True)
    plain = Stylizer(model, device="cpu", precision="fp32", engine="torch")
    for size in ((48, 56), (33, 47), (1, 1)):
        frame = photo_pixels(*size)
        assert np.abs(stylize(frame).astype(int) - plain(frame)).max() <= 1
    assert "torch.compile does not work" not in caplog.text


def test_compiling_takes_pytorch(model):
    with pytest.raises(UserError, match="--compile is PyTorch's"):
        Stylizer(model, device="cpu", engine="openvino", compiled=True)


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("Found no NVIDIA driver on your system. Please check", r"\(Found no NVIDIA driver on your system\)"),
        ("The NVIDIA driver on your system is too old (found version 11040). Please update", "is too old"),
    ],
)
def test_why_there_is_no_gpu(monkeypatch, capsys, reason, message):
    def init():
        raise RuntimeError(reason)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "init", init)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(UserError, match=message):
        choose_device("cuda")
    assert stylize_command(["x.jpg", "--device", "cuda"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(UserError, match="built without CUDA"):
        choose_device("cuda")


def test_a_look_is_converted_once(model):
    stylize = Stylizer(model, device="cpu", precision="fp32", engine="torch")
    frame = photo_pixels(30, 40)
    look = stylize.look.frozen(stylize.measure(frame, stylize.look))
    first, again = (stylize.engine._look(one) for one in (look, look.frozen(look.statistics)))
    assert len(first) == 6
    assert all(a is b for a, b in zip(first, again, strict=True))
    other = stylize.engine._look(look.frozen(stylize.measure(255 - frame, look)))
    assert all(a is b for a, b in zip(first[:4], other[:4], strict=True))
    assert not torch.equal(first[4], other[4])


def test_a_read_only_frame_is_painted_without_a_warning(model) -> None:
    engine = TorchEngine(model.network, torch.device("cpu"), torch.float32)
    frame = photo_pixels(16, 24)
    look = Look(model.stored().mix({model.style_names[0]: 1.0}))
    expected = engine.paint(frame, look)
    frame.flags.writeable = False  # as Pillow's are
    assert (engine.paint(frame, look) == expected).all()
