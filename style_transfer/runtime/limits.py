"""How much of the machine, or of what a container allows of it, may be used."""

from __future__ import annotations

from pathlib import Path

import psutil

from style_transfer.runtime.device import Device

_CGROUPS = Path("/sys/fs/cgroup")
_MOST_WORKING_BYTES = 2 << 30  # on the CPU; larger frames gain nothing from more


def working_memory(device: Device) -> int:
    """Bytes a frame may take while it is painted: a third of what is free, on the CPU at most 2 GiB."""
    if device.type == "cuda":
        import torch

        free: int = torch.cuda.mem_get_info(str(device))[0]
        ours: int = torch.cuda.memory_reserved(str(device)) - torch.cuda.memory_allocated(str(device))
        return (free + ours) // 3
    return min(_MOST_WORKING_BYTES, free_memory() // 3)


def free_memory() -> int:
    """Bytes that may still be taken: the machine's, and those that this process's control groups leave it."""
    return min([int(psutil.virtual_memory().available), *_left_by_groups()])


def _left_by_groups() -> list[int]:
    """By the control groups of cgroup v2 and v1 that have a limit."""
    left = []
    for group in _groups("memory"):
        for most, used in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            try:
                limit, taken = ((group / name).read_text().strip() for name in (most, used))
            except OSError:
                continue
            if limit.isdecimal() and taken.isdecimal():  # "max" is no limit
                left.append(max(0, int(limit) - int(taken) + _cached(group)))
    return left


def _cached(group: Path) -> int:
    """Bytes of files that are kept while nobody needs the room."""
    try:
        lines = (group / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    found = dict(line.split() for line in lines if len(line.split()) == 2)
    return int(found.get("total_inactive_file", found.get("inactive_file", 0)))


def cpu_quotas() -> list[float]:
    """CPU quotas, in cores, of this process's control group and the groups around it (cgroup v2 and v1)."""
    quotas = []
    for group in _groups("cpu"):
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


def _groups(controller: str) -> list[Path]:
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    groups = [_CGROUPS, _CGROUPS / controller]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "" or controller in controllers.split(","):
            own = (_CGROUPS / controller if controllers else _CGROUPS) / path.lstrip("/")
            groups += [own, *(parent for parent in own.parents if parent.is_relative_to(_CGROUPS))]
    return list(dict.fromkeys(groups))
