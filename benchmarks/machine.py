"""What a figure was measured on, without which it says nothing: the machine, and the sample photos."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path

from style_transfer.evaluation.speed import CPU_FLAGS, cpu_name
from style_transfer.runtime.device import cpu_flags
from style_transfer.runtime.threads import usable_cpus

SAMPLES = Path(__file__).resolve().parents[1] / "assets" / "photos"
PHOTO = SAMPLES / "astronaut.jpg"


def describe(*packages: str) -> str:
    """The processor, its cores, Python, and the versions of ``packages``, in a line."""
    flags = " ".join(name for name in CPU_FLAGS if name in cpu_flags())
    versions = [f"{package} {importlib.metadata.version(package)}" for package in packages]
    about = [f"{cpu_name()} ({flags})", f"{usable_cpus()} cores", f"Python {platform.python_version()}"]
    return ", ".join([*about, *versions])
