"""What became of the files of a run: counted, named and summed up the same way for photos and videos."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from style_transfer.cli.common import duration, say, say_error
from style_transfer.errors import NameTooLongError, OutputError, StyleTransferError, one_line


@dataclass
class Outcome:
    """Results go to stdout one by one if ``name_each``, so that folders of thousands do not flood it.

    ``total`` counts all files that were asked for, ``skipped`` those that exist already.
    """

    total: int
    name_each: bool
    skipped: int = 0
    written: int = 0
    failed: int = 0
    damaged: int = 0  #: of those written: what could be read of an input that breaks off
    _start: float = field(default_factory=time.perf_counter)

    def done(self, target: Path) -> None:
        self.written += 1
        if self.name_each:
            print(target, flush=True)

    def fail(self, error: StyleTransferError, source: Path | None = None) -> None:
        """Count and name a failure, with its ``source`` if the error does not name it.

        Raised is that of the only file, and what would be the same for every file that follows: a full disk.
        """
        if self.total == 1 or (isinstance(error, OutputError) and not isinstance(error, NameTooLongError)):
            raise error
        self.failed += 1
        say_error(error, source)

    def fail_unforeseen(self, error: Exception, source: Path, what: str) -> None:
        """As :meth:`fail`, for what an engine or library cannot do with this file and may with the next.

        ``what`` is the sentence to tell, with ``{reason}`` in it.
        """
        reason = "out of memory" if isinstance(error, MemoryError) else one_line(error)
        failure = StyleTransferError(what.format(reason=reason))
        failure.__cause__ = error
        self.fail(failure, source)

    def summarise(self) -> None:
        """A line on stderr, unless there was one file only."""
        if self.total < 2:
            return
        seconds = time.perf_counter() - self._start
        rate = f" ({self.written / seconds:.1f} a second)" if self.written > 0.1 * seconds else ""
        damaged = f" ({self.damaged} of them from damaged files)" if self.damaged else ""
        counts = f"{self.written} stylized{damaged}, {self.skipped} skipped because they exist"
        hint = "; --overwrite paints what exists anew" if self.skipped else ""
        say(f"{counts}, {self.failed} failed, in {duration(seconds)}{rate}{hint}")
