"""The one thread budget, which PyTorch, OpenCV and OpenVINO share."""

from __future__ import annotations

import os
import sys

import psutil

from style_transfer.runtime.limits import cpu_quotas


def thread_budget() -> int:
    """How many threads to compute with, at least 1: one a physical core that this process may use.

    Respects the process's affinity, a container's CPU quota, and ``OMP_NUM_THREADS`` where it is set.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    return _usable_cores()


def _usable_cores() -> int:
    limits = [float(usable_cpus())]
    # Two threads on one core share its multipliers: more threads than cores only wait for each other.
    limits.append(psutil.cpu_count(logical=False) or limits[0])
    limits.extend(cpu_quotas())
    return max(1, int(min(limits)))


def usable_cpus() -> int:
    """How many logical CPUs this process may run on, at least 1."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def set_threads(*, share_of: int = 1) -> None:
    """Let OpenCV and, if it is imported, PyTorch use the budget, or of several processes each its share.

    They never compute at once, so each may have all. OpenVINO takes the number with each model.
    """
    import cv2

    count = thread_budget()
    # torchrun sets 1 for each of several processes where nothing is set. A user's own 1 cannot be told from
    # that, and is passed over too.
    if share_of > 1 and os.environ.get("OMP_NUM_THREADS", "1") == "1":
        count = max(1, _usable_cores() // share_of)
    if "torch" in sys.modules:  # it is not imported for that
        sys.modules["torch"].set_num_threads(count)
    cv2.setNumThreads(count)
