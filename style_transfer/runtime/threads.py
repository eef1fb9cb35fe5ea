"""The one thread budget, which PyTorch, OpenCV and OpenVINO share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil

_CGROUPS = Path("/sys/fs/cgroup")


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
    limits.extend(_quotas())
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


def _quotas() -> list[float]:
    """CPU quotas, in cores, of this process's control group and the groups around it (cgroup v2 and v1)."""
    quotas = []
    for group in _groups():
        try:
            quota, period = (group / "cpu.max").read_text().split()
        except (OSError, ValueError):
            try:
                quota = (group / "cpu.cfs_quota_us").read_text().strip()
                period = (group / "cpu.cfs_period_us").read_text().strip()
            except OSError:
                continue
        if quota.isdecimal() and period.isdecimal() and int(period) > 0:  # "max" and -1 are no limit
            quotas.append(int(quota) / int(period))
    return quotas


def _groups() -> list[Path]:
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    groups = [_CGROUPS, _CGROUPS / "cpu"]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "" or "cpu" in controllers.split(","):
            own = (_CGROUPS / "cpu" if controllers else _CGROUPS) / path.lstrip("/")
            groups += [own, *(parent for parent in own.parents if parent.is_relative_to(_CGROUPS))]
    return list(dict.fromkeys(groups))
