"""The memory that a container leaves."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from style_transfer.runtime import limits


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
