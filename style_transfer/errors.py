"""Every error this package raises on purpose.

::

    StyleTransferError            something failed at run time           exit code 1
    ├── OutputError               a result could not be written          exit code 1
    │   └── NameTooLongError      that name cannot be had; others can
    ├── TrainingError             training cannot go on                  exit code 1
    └── UserError (ValueError)    the request cannot be carried out      exit code 2
        ├── InputFileError        a file is missing, damaged or foreign
        ├── ModelFileError        the same, for a model file
        └── UnknownNameError      a style or model of that name is not there

The message of each is one line that says what, which file, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def one_line(error: BaseException, most: int = 200) -> str:
    """What ``error`` says, in one line of at most ``most`` characters; its kind where it says nothing."""
    return " ".join(str(error).split())[:most] or type(error).__name__


class StyleTransferError(Exception):
    """Root of the tree; ``exit_code`` is what a command ends with."""

    exit_code = 1


class OutputError(StyleTransferError):
    """A result could not be written: disk full, permission denied, folder gone."""


class NameTooLongError(OutputError):
    """The file system has no names so long: this result cannot be written, others can."""


class TrainingError(StyleTransferError):
    """Training cannot go on, for example because the loss is no longer finite."""


class UserError(StyleTransferError, ValueError):
    """What was asked for cannot be done; the message says what to change."""

    exit_code = 2


class InputFileError(UserError):
    """An input file is missing, unreadable, damaged, or not what its name says."""


class ModelFileError(UserError):
    """A model file is missing, damaged, or of a format this version does not read."""


class UnknownNameError(UserError):
    """No style or model of that name; the message lists the names and suggests the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        nearest = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
        super().__init__(f"unknown {kind} '{name}'{hint} (there are: {', '.join(names) or 'none'})")
