"""The memory that a container leaves."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from style_transfer.runtime import limits
from style_transfer.runtime.device import Device


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"memory.max": "1000000", "memory.current": "300000"}, 700_000),
        (
            {
                "memory.max": "1000000",
                "memory.current": "990000",
                "memory.stat": "anon 1\ninactive_file 500000",
            },
            510_000,
        ),
        ({"memory.limit_in_bytes": "1000000", "memory.usage_in_bytes": "1200000"}, 0),
        (
            {
                "memory.limit_in_bytes": "1000000",
                "memory.usage_in_bytes": "900000",
                "memory.stat": "inactive_file 10\ntotal_inactive_file 200000",  # with the groups below
            },
            300_000,
        ),
        ({"memory.max": "max", "memory.current": "300000"}, None),
        ({}, None),
    ],
)
def test_a_container_leaves_so_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], left: int | None
) -> None:
    monkeypatch.setattr(limits, "_groups", lambda _: [tmp_path / "missing", tmp_path])
    for name, text in files.items():
        (tmp_path / name).write_text(f"{text}\n")
    if left is None:
        assert limits.free_memory() == pytest.approx(psutil.virtual_memory().available, rel=0.2)
    else:
        assert limits.free_memory() == left


@pytest.mark.parametrize(("free", "most"), [(3 << 30, 1 << 30), (90 << 30, 2 << 30)])
def test_a_frame_may_take_a_third_of_it(free: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "free_memory", lambda: free)
    assert limits.working_memory(Device("cpu")) == most


@pytest.mark.parametrize(
    ("line", "folders"),
    [
        ("0::/user.slice/app", ["", "memory", "user.slice/app", "user.slice"]),  # version 2
        ("5:cpuset,memory:/docker/1", ["", "memory", "memory/docker/1", "memory/docker"]),  # version 1
        ("4:cpu,cpuacct:/docker/1", ["", "memory"]),
    ],
)
def test_control_groups_and_those_around_them(
    line: str, folders: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_CGROUPS", tmp_path)
    monkeypatch.setattr(Path, "read_text", lambda _: f"{line}\n")
    assert limits._groups("memory") == [tmp_path / folder for folder in folders]
