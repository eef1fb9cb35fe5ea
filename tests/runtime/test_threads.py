"""The thread budget follows affinity, quotas and the user."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cv2
import psutil
import pytest
import torch

from style_transfer.runtime import limits, threads


@pytest.fixture(autouse=True)
def eight_free_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 16 if logical else 8)
    monkeypatch.setattr(limits, "_groups", lambda _: [tmp_path / "missing", tmp_path])
    return tmp_path


def test_one_thread_a_core() -> None:
    assert threads.thread_budget() == 8


def test_affinity_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 6}, raising=False)
    assert threads.thread_budget() == 3


def test_physical_cores_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 8 if logical else 4)
    assert threads.thread_budget() == 4
    monkeypatch.setattr(psutil, "cpu_count", lambda **_: None)  # some virtual machines do not say
    assert threads.thread_budget() == 8


@pytest.mark.parametrize(
    ("text", "expected"), [("250000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("nonsense", 8)]
)
def test_a_containers_quota_limits(eight_free_cores: Path, text: str, expected: int) -> None:
    (eight_free_cores / "cpu.max").write_text(text + "\n")
    assert threads.thread_budget() == expected


@pytest.mark.parametrize(("quota", "expected"), [("300000", 3), ("-1", 8)])
def test_an_older_quota_limits(eight_free_cores: Path, quota: str, expected: int) -> None:
    (eight_free_cores / "cpu.cfs_quota_us").write_text(quota + "\n")
    (eight_free_cores / "cpu.cfs_period_us").write_text("100000\n")
    assert threads.thread_budget() == expected


@pytest.mark.parametrize(("text", "expected"), [("3", 3), ("5,2", 5), ("0", 8), ("many", 8), ("", 8)])
def test_the_users_variable_decides(monkeypatch: pytest.MonkeyPatch, text: str, expected: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert threads.thread_budget() == expected


def test_set_threads_does_without_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads(), cv2.getNumThreads()
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    try:
        threads.set_threads()
        assert "torch" not in sys.modules
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (before[0], 3)
    finally:
        cv2.setNumThreads(before[1])


def test_set_threads_reaches_torch_and_opencv() -> None:
    before = torch.get_num_threads(), cv2.getNumThreads()
    try:
        threads.set_threads()
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (8, 8)
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


@pytest.mark.parametrize(
    ("variable", "processes", "expected"),
    [("1", 2, 4), (None, 2, 4), ("1", 3, 2), ("1", 20, 1), ("3", 2, 3), ("1", 1, 1), (None, 1, 8)],
)
def test_processes_of_one_training_share_the_cores(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, processes: int, expected: int
) -> None:
    if variable:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    before = torch.get_num_threads(), cv2.getNumThreads()
    try:
        threads.set_threads(share_of=processes)
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (expected, expected)
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def test_this_machine_has_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert 1 <= threads.thread_budget() <= max(os.cpu_count() or 1, int(os.environ.get("OMP_NUM_THREADS", 0)))
    assert all(quota > 0 for quota in limits.cpu_quotas())
