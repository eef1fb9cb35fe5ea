"""Names of numbered files, as ``frame_%05d.png``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from style_transfer.files import exists

_NUMBER = re.compile(r"%(?:0(\d+))?d")


def is_pattern(path: Path) -> bool:
    """True for ``frame_%05d.png``, unless a file has that very name."""
    return len(_NUMBER.findall(path.name)) == 1 and not exists(path)


@dataclass(frozen=True)
class Pattern:
    """File names that differ in a number: ``%d``, or ``%05d`` for at least five digits."""

    path: Path

    def file(self, number: int) -> Path:
        digits = int(self._parts[1] or 1)
        return self.path.with_name(f"{self._parts[0]}{number:0{digits}}{self._parts[2]}")

    def numbers(self) -> list[int]:
        """Of the files that are there, rising."""
        before, digits, after = self._parts
        number = rf"(\d{{{int(digits or 1)},}})"
        name = re.compile(re.escape(before) + number + re.escape(after), re.ASCII)
        folder = self.path.parent
        found = [name.fullmatch(file.name) for file in folder.iterdir()] if folder.is_dir() else []
        # A number has one name: 0012 is no file of %d, nor is 00012 one of %04d.
        numbers = {int(match[1]) for match in found if match and self.file(int(match[1])).name == match[0]}
        return sorted(numbers)

    @cached_property
    def _parts(self) -> tuple[str, str | None, str]:
        match = _NUMBER.search(self.path.name)
        assert match is not None
        return self.path.name[: match.start()], match[1], self.path.name[match.end() :]
