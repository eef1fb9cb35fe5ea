"""Choosing a device and a precision, by what the hardware has; without PyTorch where that can be."""

from __future__ import annotations

import re
import sys
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from style_transfer.errors import UserError

if TYPE_CHECKING:
    import torch

#: What numbers can be computed in, and its name in PyTorch and NumPy; painting knows int8 too.
DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
PRECISIONS = ("auto", *DTYPES)

_DEV = Path("/dev")
_DRIVER = Path("/proc/driver/nvidia")
# Through what each of PyTorch's GPU interfaces reaches a GPU on Linux: NVIDIA's driver, also on Jetson and in
# WSL; AMD's; Intel's.
_NODES = {
    "cuda": ("nvidia*", "nvhost*", "nvmap", "dxg"),
    "hip": ("kfd", "dxg"),
    "xpu": ("dri/renderD*", "dxg"),
}


@dataclass(frozen=True)
class Device:
    """As ``torch.device``, without PyTorch."""

    type: str  #: cpu, cuda, mps, xpu
    index: int | None = None

    @classmethod
    def of(cls, device: torch.device) -> Device:
        return cls(device.type, device.index)

    def for_torch(self) -> torch.device:
        import torch

        return torch.device(str(self))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"


CPU = Device("cpu")


def choose_device(name: str = "auto") -> Device:
    """``auto`` is CUDA, then Apple's mps, then Intel's xpu, then the CPU.

    Raises ``UserError`` for a device that is not there.
    """
    if name == "cpu" or (name == "auto" and not _may_have_gpu()):
        return CPU
    import torch

    if name == "auto":
        return Device(next((kind for kind in ("cuda", "mps", "xpu") if _available(kind)), "cpu"))
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"unknown device '{name}'; choose auto, cpu, cuda, cuda:1, mps or xpu") from None
    if device.type != "cpu" and not _available(device.type):
        raise UserError(f"device '{name}' is not available here{_why(device)}; use --device auto or cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"there is no '{name}'; the last one here is cuda:{torch.cuda.device_count() - 1}")
    return Device.of(device)


def _may_have_gpu() -> bool:
    """False only where PyTorch cannot have one for certain; to ask PyTorch takes seconds, its import."""
    if "torch" in sys.modules:
        return True
    built = _built_for()
    if built is None or sys.platform == "darwin":  # mps is in every build for macOS
        return True
    if sys.platform != "linux":
        return bool(built)
    if "cuda" in built and _DRIVER.exists():  # whose nodes come with the first program that uses it
        return True
    return any(next(_DEV.glob(node), None) for interface in built for node in _NODES[interface])


def _built_for() -> set[str] | None:
    """Which of :data:`_NODES` the installed PyTorch is built with, by its ``version.py``; None: unknown."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return set()
    try:
        text = Path(spec.origin).with_name("version.py").read_text()
    except OSError:
        return None
    told = dict(re.findall(r"^(cuda|hip|xpu)\b[^=\n]*= *(\S+)", text, re.MULTILINE))
    return {name for name, value in told.items() if value != "None"} if told.keys() == _NODES.keys() else None


def _available(kind: str) -> bool:
    import torch

    backend = {"cuda": torch.cuda, "mps": torch.backends.mps, "xpu": torch.xpu}.get(kind)
    with warnings.catch_warnings():  # CUDA's, of a driver that is too old: see _why
        warnings.simplefilter("ignore")
        return backend is not None and bool(backend.is_available())


def _why(device: torch.device) -> str:
    """What keeps PyTorch from ``device``, where it can say so."""
    import torch

    if device.type != "cuda":
        return ""
    if torch.version.cuda is None:
        return " (this PyTorch was built without CUDA)"
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except Exception as error:  # no driver, a driver too old, no GPU: it says which
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        return f" ({reason})" if reason else ""
    return ""


def has_fast_bf16(device: Device) -> bool:
    """True where the hardware multiplies bfloat16 itself; emulation is ten times slower than float32."""
    if device.type == "cuda":
        import torch

        return torch.cuda.get_device_capability(str(device)) >= (8, 0)
    if device.type != "cpu":
        return False
    if sys.platform == "linux":
        return not cpu_flags().isdisjoint({"avx512_bf16", "amx_bf16"})
    try:
        import openvino
    except ImportError:
        return False
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def has_fast_int8(device: Device) -> bool:
    """True for a CPU that sums products of 8-bit numbers without saturating: VNNI, AMX."""
    return device.type == "cpu" and not cpu_flags().isdisjoint({"avx512_vnni", "avx_vnni", "amx_int8"})


def cpu_flags() -> set[str]:
    """The CPU's instruction sets by their names on Linux; empty where neither Linux nor PyTorch tells."""
    try:
        with Path("/proc/cpuinfo").open() as lines:
            flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
            return set(flags.split())
    except OSError:
        import torch

        tell = getattr(torch.cpu, "get_capabilities", dict)
        return {str(name) for name, there in tell().items() if there is True}


def choose_precision(name: str, device: Device) -> str:
    """The dtype to compute in, see :data:`DTYPES`; ``auto`` is half precision where the hardware has it.

    Raises ``UserError`` for an unknown name.
    """
    if name not in PRECISIONS:
        raise UserError(
            f"unknown precision '{name}'; choose one of {', '.join(PRECISIONS)}, or to paint on a CPU int8"
        )
    if name == "auto":
        if has_fast_bf16(device):
            return "bfloat16"
        return "float16" if device.type == "cuda" else "float32"
    if name == "fp16" and device.type == "cpu":
        raise UserError("fp16 needs a GPU; use --precision bf16, fp32 or auto on the CPU")
    return DTYPES[name]


def is_out_of_memory(error: BaseException) -> bool:
    """True for what PyTorch raises for want of memory; a kind of its own only where it counts the bytes."""
    import torch

    told = str(error)
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in told or "allocate memory" in told
