"""Writing files so that a target name never holds anything half-made."""

from __future__ import annotations

import errno
import json
import os
import secrets
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from style_transfer.errors import NameTooLongError, OutputError

_PARTIAL = ".partial"
_LONGEST_NAME = 255  # bytes, of most file systems
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds


def is_partial(path: Path) -> bool:
    """True for a file that :func:`atomic_path` left unfinished, as after a power cut."""
    return path.stem.endswith(_PARTIAL)


@contextmanager
def atomic_path(target: Path, *, lasting: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``target``, of the same extension, renamed to it on success.

    On any exception, Ctrl-C included, the temporary file is removed and ``target`` stays as it was.
    Missing parent folders are made. ``lasting``: of what took long, so that no power cut leaves a name
    without its content. Raises ``OutputError`` where the system refuses to write.
    """
    temporary = beside(target, f".{secrets.token_hex(4)}{_PARTIAL}{target.suffix}")
    with output_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            if lasting:
                sync(temporary)
            rename(temporary, target)
        finally:
            with suppress(OSError):  # renamed, or never made
                temporary.unlink()


def rename(path: Path, target: Path) -> None:
    """Give ``path`` the name ``target``, over what had it.

    Windows refuses that while any program, be it one that looks for viruses, reads one of the two: mostly for
    a moment, which is waited for.
    """
    for pause in _PAUSES if sys.platform == "win32" else ():
        try:
            path.replace(target)
            return
        except PermissionError:
            time.sleep(pause)
    path.replace(target)


def sync(path: Path) -> None:
    """See that what was written to ``path`` outlasts a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def output_errors(target: Path) -> Iterator[None]:
    """Turn an ``OSError`` while ``target`` is written into an ``OutputError`` that says what to do."""
    try:
        yield
    except OSError as error:
        raise refusal(target, error) from error


def check_writable(target: Path) -> None:
    """Raise ``OutputError`` now for what could not be written hours later; makes missing parent folders."""
    with output_errors(target):
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target.parent):
            pass


def write_json(target: Path, data: Any) -> None:
    """Write ``data`` whole or not at all; in ASCII, as names of files need not be Unicode."""
    with atomic_path(target) as temporary:
        temporary.write_text(json.dumps(data, indent=1) + "\n", encoding="ascii")


def refusal(target: Path, error: OSError) -> OutputError:
    """What to raise where the system refuses to write ``target``."""
    kind = NameTooLongError if error.errno == errno.ENAMETOOLONG else OutputError
    return kind(f"cannot write '{target}': {_reason(error)}")


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space and run the command again"
    if error.errno == errno.EFBIG:  # FAT, as on memory cards, ends at 4 GiB
        return "no file may be so large there; choose a folder on another drive"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "permission denied; choose another folder"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return "a file of that name is in the way; choose another folder"
    if error.errno == errno.ENAMETOOLONG:
        return "the name is too long; choose a shorter one"
    return f"{error.strerror or error}; choose another folder"


def beside(target: Path, ending: str) -> Path:
    """``clip.parts`` for ``clip.mp4``; a checksum instead of a stem that leaves no room for the ending."""
    if len(os.fsencode(target.stem + ending)) <= _LONGEST_NAME:
        return target.with_name(target.stem + ending)
    return target.with_name(f"{zlib.crc32(os.fsencode(target.stem)):08x}{ending}")


def readable(name: str) -> str:
    """A file's name as text that can be written, also where it is no Unicode."""
    return os.fsencode(name).decode("utf-8", "replace")


def exists(path: Path) -> bool:
    """False also for what no file can be called, where :meth:`Path.exists` raises."""
    try:
        return path.exists()
    except OSError:
        return False


def are_same(path: Path, other: Path) -> bool:
    """Whether both are there and are one file, by whatever names."""
    return exists(path) and exists(other) and path.samefile(other)
