"""Checkpoints: all that a run needs to go on exactly where it stopped. Loaded with ``weights_only=True``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from style_transfer.errors import InputFileError
from style_transfer.files import atomic_path, beside

_ANEW = "--overwrite instead of --resume begins anew"
_KEYS = {"network", "bank", "optimizer", "scaler", "step", "seconds", "lr_factor", "batch_size", "history",
         "description", "config", "training", "temporal_share", "average"}  # fmt: skip


def checkpoint_path(output: Path) -> Path:
    """``wave.safetensors`` → ``wave.checkpoint.pt``."""
    return beside(output, ".checkpoint.pt")


def save_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Write ``state`` (tensors, numbers, strings, lists and dicts of these) whole or not at all.

    Raises ``OutputError``.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)  # given a path, it hides a full disk behind a RuntimeError
    with atomic_path(path, lasting=True) as temporary:
        temporary.write_bytes(buffer.getvalue())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Raises ``InputFileError`` for a file that is missing, damaged, or holds anything but plain state."""
    if not path.is_file():
        raise InputFileError(f"there is no checkpoint '{path}' to resume from; {_ANEW}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises nearly anything
        raise InputFileError(f"the checkpoint '{path}' is damaged; {_ANEW}") from error
    if not isinstance(state, dict) or not state.keys() >= _KEYS:
        raise InputFileError(f"'{path}' is not a checkpoint of this program; {_ANEW}")
    return state


def check_same_run(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    """Raises ``InputFileError`` unless a run in the state ``ours`` can go on from the state ``theirs``."""
    before, now = theirs["description"], ours["description"]
    names = [[style["name"] for style in description["styles"]] for description in (before, now)]
    if names[0] != names[1]:
        paintings = ", ".join(names[0])
        raise InputFileError(
            f"the checkpoint is of another run, of the styles {paintings}; give their paintings, {_ANEW}"
        )
    if any(before[part] != now[part] for part in ("network", "arguments")):
        raise InputFileError(
            "the checkpoint is of another run, its network differs; leave out --network, --width and --init,"
            f" {_ANEW}"
        )
    if theirs["config"].get("styles_only", False) != ours["config"]["styles_only"]:
        raise InputFileError(f"the checkpoint is of a run without --quick; leave it out, {_ANEW}")
    groups = [
        [(len(group["params"]), group.get("orthogonal")) for group in state["optimizer"]["param_groups"]]
        for state in (theirs, ours)
    ]
    if groups[0] != groups[1]:
        raise InputFileError(f"the checkpoint is of an older version; {_ANEW}")
