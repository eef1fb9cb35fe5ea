"""One run at a time onto one file: two would spoil the growing video, or lose what the other added."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from style_transfer.errors import UserError
from style_transfer.files import beside, output_errors


@contextmanager
def sole_writer(target: Path, *, wait: float = 0) -> Iterator[None]:
    """Hold ``target`` against other processes that ask for it in this way; its folder is made if missing.

    Raises ``UserError`` while another one holds it, for ``wait`` seconds and longer, ``OutputError`` where
    there can be no such folder. A file system that knows no locks is written to without.
    """
    with output_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(beside(target.with_name(f".{target.name}"), f"{target.suffix}.lock"), timeout=wait)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            f"'{target}' is being written by another run; wait for it, or choose another output"
        ) from None
    except (OSError, NotImplementedError):
        pass  # where no file can be made, that is said of the result itself
    try:
        yield
    finally:
        with suppress(OSError):  # gone before it is let go, so that it is no one else's
            if lock.is_locked:
                Path(lock.lock_file).unlink()
        lock.release()
