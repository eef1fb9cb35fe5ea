"""Choosing a device and a precision, by what the hardware has."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from style_transfer.errors import UserError

PRECISIONS = ("auto", "fp32", "bf16", "fp16")  #: what numbers can be computed in; painting knows int8 too


def choose_device(name: str = "auto") -> torch.device:
    """``auto`` is CUDA, then Apple's mps, then Intel's xpu, then the CPU.

    Raises ``UserError`` for a device that is not there.
    """
    if name == "auto":
        for kind in ("cuda", "mps", "xpu"):
            if _available(kind):
                return torch.device(kind)
        return torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"unknown device '{name}'; choose auto, cpu, cuda, cuda:1, mps or xpu") from None
    if device.type != "cpu" and not _available(device.type):
        raise UserError(f"device '{name}' is not available here{_why(device)}; use --device auto or cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"there is no '{name}'; this machine has {torch.cuda.device_count()} CUDA device(s)")
    return device


def _available(kind: str) -> bool:
    backend = {"cuda": torch.cuda, "mps": torch.backends.mps, "xpu": getattr(torch, "xpu", None)}.get(kind)
    with warnings.catch_warnings():  # CUDA's, of a driver that is too old: see _why
        warnings.simplefilter("ignore")
        return backend is not None and bool(backend.is_available())


def _why(device: torch.device) -> str:
    """What keeps PyTorch from ``device``, where it can say so."""
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


def has_fast_bf16(device: torch.device) -> bool:
    """True where the hardware multiplies bfloat16 itself; emulation is ten times slower than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return bool(supported is not None and supported())
    return False


def has_fast_int8(device: torch.device) -> bool:
    """True for a CPU that sums products of 8-bit numbers without saturating: VNNI, AMX."""
    return device.type == "cpu" and not cpu_flags().isdisjoint({"avx512_vnni", "avx_vnni", "amx_int8"})


def cpu_flags() -> set[str]:
    """The CPU's instruction sets by their names on Linux; empty where neither Linux nor PyTorch tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        tell = getattr(torch.cpu, "get_capabilities", dict)
        return {str(name) for name, there in tell().items() if there is True}
    return set(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype to compute in. ``auto`` is half precision where the hardware has it, else float32.

    Raises ``UserError`` for an unknown name.
    """
    if name not in PRECISIONS:
        raise UserError(f"unknown precision '{name}'; choose one of {', '.join(PRECISIONS)}")
    if name == "auto":
        if has_fast_bf16(device):
            return torch.bfloat16
        return torch.float16 if device.type == "cuda" else torch.float32
    if name == "fp16" and device.type == "cpu":
        raise UserError("fp16 needs a GPU; use --precision bf16, fp32 or auto on the CPU")
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[name]
