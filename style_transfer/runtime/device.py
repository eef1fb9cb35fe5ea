"""Choosing a device and a precision, by what the hardware has."""

from __future__ import annotations

import torch

from style_transfer.errors import UserError

PRECISIONS = ("auto", "fp32", "bf16", "fp16")


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
        raise UserError(f"device '{name}' is not available here; use --device auto or cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"there is no '{name}'; this machine has {torch.cuda.device_count()} CUDA device(s)")
    return device


def _available(kind: str) -> bool:
    backend = {"cuda": torch.cuda, "mps": torch.backends.mps, "xpu": getattr(torch, "xpu", None)}.get(kind)
    return backend is not None and bool(backend.is_available())


def has_fast_bf16(device: torch.device) -> bool:
    """True where the hardware multiplies bfloat16 itself; emulation is ten times slower than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return bool(supported is not None and supported())
    return False


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
