"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import json
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from style_transfer import files
from style_transfer.errors import NameTooLongError, OutputError
from style_transfer.files import atomic_path, check_writable, is_partial, write_json


def test_appears_whole_under_its_name(tmp_path: Path) -> None:
    target = tmp_path / "new" / "deep" / "a.b.jpg"
    with atomic_path(target) as temporary:
        assert temporary.suffix == ".jpg"
        assert temporary.parent == target.parent
        assert is_partial(temporary)
        assert not is_partial(target)
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_what_is_to_last_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, synced = tmp_path / "a.txt", []
    monkeypatch.setattr(files, "sync", lambda path: synced.append((path, path.read_text(), target.exists())))
    with atomic_path(target, lasting=True) as temporary:
        temporary.write_text("whole")
    assert synced == [(temporary, "whole", False)]
    with atomic_path(target) as temporary:
        temporary.write_text("anew")
    assert len(synced) == 1


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_a_failure_leaves_what_was(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_name_that_leaves_no_room_for_more(tmp_path: Path) -> None:
    for name in ("x" * 251, "é" * 125 + "x"):
        with atomic_path(tmp_path / f"{name}.jpg") as temporary:
            assert is_partial(temporary)
            temporary.write_text(name)
        assert (tmp_path / f"{name}.jpg").read_text() == name
    assert len(list(tmp_path.iterdir())) == 2


def test_a_name_too_long_is_an_error_of_its_own(tmp_path: Path) -> None:
    with (
        pytest.raises(NameTooLongError, match="name is too long"),
        atomic_path(tmp_path / ("x" * 300)) as path,
    ):
        path.touch()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EFBIG, "no file may be so large there"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "permission denied"),
        (errno.EIO, "Input/output error"),
        (errno.ENAMETOOLONG, "the name is too long"),
    ],
)
def test_the_systems_refusal_is_said_plainly(tmp_path: Path, number: int, words: str) -> None:
    with (
        pytest.raises(OutputError, match=rf"cannot write '.*a\.txt': {words}"),
        atomic_path(tmp_path / "a.txt"),
    ):
        raise OSError(number, "Input/output error")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("platform", "busy", "becomes"), [("win32", 2, "new"), ("win32", 99, "old"), ("linux", 1, "old")]
)
def test_what_another_program_reads_for_a_moment_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, busy: int, becomes: str
) -> None:
    target, replace, pauses = tmp_path / "a.txt", Path.replace, list[float]()
    target.write_text("old")

    def refuse(path: Path, name: Path) -> Path:
        if len(pauses) < busy:
            raise PermissionError(errno.EACCES, "Access is denied")
        return replace(path, name)

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr("time.sleep", pauses.append)
    with suppress(OutputError), atomic_path(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == becomes
    assert sum(pauses) < (2 if platform == "win32" else 0.001)
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="a file of that name is in the way"),
        atomic_path(tmp_path / "file" / "a.txt"),
    ):
        pass


def test_a_folder_where_a_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OutputError), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.touch()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_what_cannot_be_written_is_said_beforehand(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "report.json")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").write_text("in the way")
    for target in (tmp_path / "file" / "report.json", tmp_path / "new"):
        with pytest.raises(OutputError, match="cannot write"):
            check_writable(target)


def test_json_holds_any_name(tmp_path: Path) -> None:
    names = {"photo": "caf\udce9.jpg", "painting": "日本.jpg"}
    write_json(tmp_path / "report.json", names)
    assert json.loads((tmp_path / "report.json").read_text()) == names
