"""What int8 needs is measured at the end of a training, unless that is stopped."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import photo_pixels

from style_transfer.cli import train_run, train_writer
from style_transfer.networks.catalogue import load_model
from style_transfer.networks.model_file import read_header, save_model
from style_transfer.runtime.quantize import measure_ranges
from style_transfer.training.checkpoint import load_checkpoint
from style_transfer.training.trainer import Trainer


def test_what_int8_needs_is_measured_for_the_new_style_and_kept_for_the_others(
    train: Any, gallery: Path
) -> None:
    assert train("--overwrite", add_to=gallery, width=None, output=None, steps=1) == 0
    prepared = load_model(gallery)
    prepared.ranges = measure_ranges(prepared, [photo_pixels(64, 80, seed=1)])
    save_model(prepared, gallery, dtype=np.float32)
    assert train("--overwrite", add_to=gallery, width=None, output=None, steps=1) == 0
    ranges = load_model(gallery).ranges
    assert ranges is not None
    assert torch.equal(ranges.units, prepared.ranges.units)
    for part, before in zip(ranges[:2], prepared.ranges[:2], strict=True):
        assert torch.equal(part[:2], before[:2])
        assert not torch.equal(part[2], before[2])


def stop_while_measuring(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Ctrl-C at the first photo that is measured; what shares are told of."""
    told: list[float] = []

    def interrupted(*words: Any, progress: Any, **flags: Any) -> Any:
        def heed(share: float) -> None:
            if not told:
                signal.raise_signal(signal.SIGINT)
            told.append(share)
            progress(share)

        return measure_ranges(*words, **flags, progress=heed)

    monkeypatch.setattr(train_writer, "measure_ranges", interrupted)
    return told


def test_ctrl_c_leaves_out_what_int8_needs(
    train: Any, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = stop_while_measuring(monkeypatch)
    assert train(steps=1) == train_run.INTERRUPTED
    assert len(measured) == 1
    run = Trainer.run

    def stopped_at_the_end(self: Trainer, *words: Any) -> bool:
        complete = run(self, *words)
        signal.raise_signal(signal.SIGINT)
        return complete

    monkeypatch.setattr(Trainer, "run", stopped_at_the_end)
    assert train("--overwrite", steps=2) == train_run.INTERRUPTED
    assert len(measured) == 1
    printed = capsys.readouterr()
    assert printed.out == 2 * f"{out / 'm.safetensors'}\n"
    assert printed.err.count("not prepared for int8") == 2
    model = load_model(out / "m.safetensors")
    assert model.ranges is None
    assert model.training["steps"] == 2


def test_a_run_that_is_stopped_takes_int8_from_no_style(
    train: Any, gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = load_model(gallery)
    prepared.ranges = measure_ranges(prepared, [photo_pixels(64, 80, seed=1)])
    save_model(prepared, gallery, dtype=np.float32)
    measured = stop_while_measuring(monkeypatch)
    monkeypatch.setattr(Trainer, "run", lambda *_args, **_flags: False)
    assert train(add_to=gallery, width=None, output=None) == train_run.INTERRUPTED
    assert measured[-1] == 1
    ranges = load_model(gallery).ranges
    assert ranges is not None
    assert torch.equal(ranges.spans[:2], prepared.ranges.spans)


def test_what_is_trained_is_kept_before_int8_is_measured(
    train: Any, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_args: Any, **_flags: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(train_writer, "measure_ranges", interrupted)
    assert train(steps=2) == train_run.INTERRUPTED
    assert read_header(out / "m.safetensors")["training"]["steps"] == 2
    assert load_checkpoint(out / "m.checkpoint.pt")["step"] == 2
