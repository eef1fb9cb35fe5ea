"""Where PyAV 18, the last for Python 3.11, and 19 differ, for the others to know of one only."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Protocol

import av

#: For ``av.open``, lest a tag that is no UTF-8 makes a file unreadable: from 19 on none does.
LENIENT: dict[str, Any] = (
    {"metadata_errors": "surrogateescape"} if int(av.__version__.partition(".")[0]) < 19 else {}
)


class Rational(Protocol):
    """A ``Fraction``, or from 19 on a number of PyAV's own, whose arithmetic rounds."""

    @property
    def numerator(self) -> int: ...

    @property
    def denominator(self) -> int: ...


def exact(number: Rational | None) -> Fraction | None:
    """The same as a ``Fraction``; None where a file tells none, for which 19 has numbers that are false."""
    return Fraction(number.numerator, number.denominator) if number else None


def readable(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags of a file that was opened with ``LENIENT``, a � for each byte that is no UTF-8."""
    return {_readable(key): _readable(value) for key, value in tags.items()}


def _readable(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")
