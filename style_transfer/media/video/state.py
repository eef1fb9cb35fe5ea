"""What an interrupted video goes on from: one safetensors file, renewed whole with every segment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from style_transfer.errors import InputFileError, UserError
from style_transfer.files import atomic_path

_NAME = "state.safetensors"
_VERSION = 3


@dataclass
class State:
    """Where a run stands.

    ``settings``   all that makes up the result, in words.
    ``frames``     painted frames in finished segments.
    ``starts``     the time of each segment's first frame, in units of ``time_base``.
    ``mark``       time and checksum of the last of the input's frames that went into them.
    ``painter``    what the painter remembered after it.
    ``truncated``  the input was damaged so far.
    ``finished``   all frames are in segments.
    """

    settings: Mapping[str, str]
    frames: int = 0
    starts: list[int] = field(default_factory=list)
    time_base: Fraction = Fraction(1)
    mark: tuple[int, int] = (0, 0)
    painter: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    truncated: bool = False
    finished: bool = False

    @staticmethod
    def saved_at(folder: Path) -> float:
        """When, as a file's time of modification."""
        return (folder / _NAME).stat().st_mtime


def save_state(state: State, folder: Path) -> None:
    """Put ``state`` into ``folder``, over what was there, at once. Raises ``OutputError``."""
    words = {name: value for name, value in vars(state).items() if name != "painter"}
    words |= {"time_base": str(state.time_base), "version": _VERSION}
    with atomic_path(folder / _NAME, lasting=True) as path:
        save_file(dict(state.painter), path, {"state": json.dumps(words)})


def load_state(folder: Path, settings: Mapping[str, str] | None = None) -> State | None:
    """The state in ``folder``; None where there is none.

    Raises ``UserError`` where it was saved with other ``settings``, ``InputFileError`` where it is damaged.
    """
    path = folder / _NAME
    if not path.exists():
        return None
    try:
        with safe_open(path, "numpy") as file:
            words = json.loads(file.metadata()["state"])
            painter = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        if words.pop("version") != _VERSION:
            raise ValueError("of another version")
        words |= {"time_base": Fraction(words["time_base"]), "mark": tuple(words["mark"])}
        state = State(painter=painter, **words)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputFileError(f"'{path}' is damaged; remove '{folder}' to begin anew") from error
    if settings is not None and state.settings != settings:
        _refuse(state.settings, settings, folder)
    return state


def _refuse(before: Mapping[str, str], now: Mapping[str, str], folder: Path) -> None:
    changed = next(name for name in sorted({*before, *now}) if before.get(name) != now.get(name))
    raise UserError(
        f"cannot resume: {changed} was {before.get(changed)}, and is {now.get(changed)} now;"
        f" give the same command, or remove '{folder}' to begin anew"
    )
