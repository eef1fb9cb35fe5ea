"""What a figure was measured on; a figure without it says nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path


def describe(*packages: str) -> str:
    """The processor, its cores, Python, and the versions of ``packages``, in a line."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    name = name or platform.processor() or platform.machine()
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    known = [
        f for f in ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8") if f in flags
    ]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = [f"{package} {importlib.metadata.version(package)}" for package in packages]
    return ", ".join(
        [f"{name} ({' '.join(known)})", f"{cores} cores", f"Python {platform.python_version()}", *versions]
    )
