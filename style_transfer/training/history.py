"""The losses of a run as a table, a picture, and TensorBoard's log."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from style_transfer.errors import UserError
from style_transfer.files import atomic_path, output_errors
from style_transfer.training.trainer import Progress


def write_losses(history: Sequence[dict[str, float]], path: Path) -> None:
    """One row a step: ``step``, each loss (unweighted), ``total`` (weighted). Raises ``OutputError``."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, _columns(history))
        rows.writeheader()
        for row in history:
            rows.writerow({name: f"{value:.6g}" for name, value in row.items()} | {"step": row["step"]})


def write_curve(history: Sequence[dict[str, float]], path: Path) -> None:
    """The losses over the steps, each a panel, thin as measured and bold as a running mean."""
    from matplotlib.figure import Figure  # not pyplot: no window system, no global state

    if not history:
        return
    names = [name for name in _columns(history) if name != "step"]
    figure = Figure(figsize=(10, 2.2 * len(names)), layout="constrained")
    panels = figure.subplots(len(names), sharex=True, squeeze=False)[:, 0]
    for panel, name in zip(panels, names, strict=True):
        steps = [row["step"] for row in history if name in row]
        values = [row[name] for row in history if name in row]
        panel.plot(steps, values, color="tab:blue", alpha=0.3, linewidth=0.7)
        panel.plot(steps, running_mean(values), color="tab:blue")
        if max(values) > 0:  # the loss of a weight that is 0 has no logarithm
            panel.set_yscale("log")
        panel.set_ylabel(name)
        panel.grid(alpha=0.3)
    panels[-1].set_xlabel("step")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100)


def _columns(history: Sequence[dict[str, float]]) -> list[str]:
    """All names in any row: a resumed run may have losses that its beginning had not."""
    return list(dict.fromkeys(["step", *(name for row in history for name in row)]))


def running_mean(values: Sequence[float], keep: float = 0.95) -> list[float]:
    """Exponential mean, corrected for its start so that it begins at the first value."""
    means, total, weight = [], 0.0, 0.0
    for value in values:
        total, weight = keep * total + (1 - keep) * value, keep * weight + (1 - keep)
        means.append(total / weight)
    return means


def log_to_tensorboard(folder: Path) -> Callable[[Progress], None]:
    """A callback that logs every step's losses.

    Raises ``UserError`` where TensorBoard is not installed, ``OutputError`` where nothing can be written.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError("--tensorboard needs TensorBoard: pip install tensorboard") from None
    with output_errors(folder):
        writer = SummaryWriter(str(folder))

    def log(progress: Progress) -> None:
        with output_errors(folder):
            for name, value in progress.losses.items():
                writer.add_scalar(f"loss/{name}", value, progress.step)
            writer.flush()

    return log
