"""What the hardware has, found out without importing PyTorch where that can be."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import torch

from style_transfer.runtime import device
from style_transfer.runtime.device import CPU, Device, choose_device, choose_precision, has_fast_bf16

VERSION = (
    "cuda: Optional[str] = {cuda}\nhip: Optional[str] = {hip}\nrocm = None\nxpu: Optional[str] = {xpu}\n"
)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Linux without a GPU, where PyTorch is not imported, and whose ``version.py`` may be written anew."""
    (tmp_path / "version.py").write_text(VERSION.format(cuda="'13.0'", hip="None", xpu="None"))
    (tmp_path / "dev" / "dri").mkdir(parents=True)
    (tmp_path / "dev" / "nvme0").touch()  # a disk
    spec = ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(device, "find_spec", lambda _: spec)
    monkeypatch.setattr(device, "_DEV", tmp_path / "dev")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delitem(sys.modules, "torch")
    return tmp_path


@pytest.mark.parametrize(
    ("built", "node", "expected"),
    [
        ("cuda", None, False),
        ("cuda", "nvidiactl", True),
        ("cuda", "nvmap", True),
        ("cuda", "dxg", True),
        ("cuda", "dri/renderD128", False),  # of an integrated GPU, of which CUDA knows nothing
        ("hip", "kfd", True),
        ("hip", "nvidia0", False),
        ("xpu", "dri/renderD128", True),
        ("nothing", "nvidia0", False),
    ],
)
def test_a_gpu_takes_a_driver_and_a_pytorch_that_is_built_for_it(
    installed: Path, built: str, node: str | None, expected: bool
) -> None:
    told = dict.fromkeys(("cuda", "hip", "xpu"), "None") | {built: "'1.0'"}
    (installed / "version.py").write_text(VERSION.format(**told))
    if node:
        (installed / "dev" / node).touch()
    assert device._may_have_gpu() is expected


@pytest.mark.parametrize("text", ["", "cuda = '13.0'\n", None])
def test_what_is_not_told_may_be(installed: Path, text: str | None) -> None:
    (installed / "version.py").unlink()
    if text is not None:
        (installed / "version.py").write_text(text)
    (installed / "dev" / "nvidia0").touch()
    assert device._may_have_gpu()


def test_other_systems_are_asked_less(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert device._may_have_gpu()
    (installed / "version.py").write_text(VERSION.format(cuda="None", hip="None", xpu="None"))
    assert not device._may_have_gpu()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert device._may_have_gpu()  # mps


@pytest.mark.usefixtures("installed")
def test_no_gpu_is_the_cpu_without_pytorch() -> None:
    assert choose_device() == choose_device("cpu") == CPU
    assert "torch" not in sys.modules


def test_the_installed_pytorch_says_what_it_is_built_for() -> None:
    built = device._built_for()
    assert built is not None
    assert ("cuda" in built) == (torch.version.cuda is not None)
    assert ("hip" in built) == (torch.version.hip is not None)


def test_where_pytorch_finds_a_gpu_auto_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == Device("cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == Device("cuda", 1)
    assert str(Device("cuda", 1)) == "cuda:1"
    assert Device("cuda", 1).for_torch() == torch.device("cuda:1")


@pytest.mark.parametrize(
    ("flags", "expected"), [("avx2", False), ("avx2 avx512_bf16", True), ("amx_bf16", True)]
)
def test_half_precision_where_the_cpu_computes_it(
    flags: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(device, "cpu_flags", lambda: set(flags.split()))
    assert has_fast_bf16(CPU) is expected
    assert choose_precision("auto", CPU) == ("bfloat16" if expected else "float32")


def test_other_systems_ask_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    openvino = pytest.importorskip("openvino")
    monkeypatch.setattr(sys, "platform", "win32")
    for told, expected in (["FP32", "BF16", "INT8"], True), (["FP32", "INT8"], False):
        monkeypatch.setattr(openvino.Core, "get_property", lambda *_, told=told: told)
        assert has_fast_bf16(CPU) is expected
