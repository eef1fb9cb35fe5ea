"""What goes wrong in a run: losses astray, memory short, photos corrupt."""

from __future__ import annotations

import copy
import itertools
import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from compare import same, weights
from helpers import make_model
from torch import Tensor

from style_transfer.errors import InputFileError, TrainingError
from style_transfer.losses.perceptual import PerceptualLoss
from style_transfer.training import trainer as trainer_module
from style_transfer.training.config import TrainingConfig
from style_transfer.training.dataset import find_photos
from style_transfer.training.trainer import Progress, Trainer


def break_losses(trainer: Trainer, broken: Any) -> None:
    """Make the losses of the steps for which ``broken(step)`` not a number."""
    real = trainer._losses

    def losses(*words: Any) -> tuple[Tensor, dict[str, Tensor]]:
        total, found = real(*words)
        factor = math.nan if broken(trainer.step) else 1.0
        return total * factor, {name: value * factor for name, value in found.items()}

    trainer._losses = losses  # type: ignore[method-assign]


def test_a_loss_gone_astray_goes_back_and_on_with_half_the_rate(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_module, "_SNAPSHOT_EVERY", 4)
    trainer = make(steps=12)
    failures = iter([True, True])
    break_losses(trainer, lambda step: step == 6 and next(failures, False))
    states, reports, times = [], [], []

    def on_progress(progress: Progress) -> None:
        reports.append(progress)
        times.append(trainer.seconds)
        if progress.step == 4:
            states.append(copy.deepcopy(trainer.state()))

    assert trainer.run(on_progress)
    assert [report.notice for report in reports if report.notice] == [
        "the loss was no longer finite: back to step 4 with half the learning rate"
    ] * 2
    assert trainer.step == 12
    assert trainer.lr_factor == 0.25
    assert times == sorted(times)  # what was trained in vain counts for --minutes too
    assert [row["step"] for row in trainer.history] == list(range(1, 13))
    assert all(torch.isfinite(weight).all() for weight in weights(trainer))
    # Each time it went back to the very same state, the optimizer's moments included.
    for other in states[1:]:
        for part in ("network", "bank"):
            assert same([*states[0][part].values()], [*other[part].values()])
        for number, moments in states[0]["optimizer"]["state"].items():
            assert same([*moments.values()], [*other["optimizer"]["state"][number].values()])
    assert len(states) == 3


def test_losses_that_go_astray_now_and_then_end_no_run(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer_module, "_SNAPSHOT_EVERY", 1)
    trainer, failed = make(steps=7), set[int]()
    break_losses(trainer, lambda step: step not in failed and not failed.add(step))
    assert trainer.run()
    assert len(failed) == 7


def test_a_loss_that_stays_astray_stops_with_the_last_good_weights(make: Any) -> None:
    trainer = make()
    break_losses(trainer, lambda step: step >= 3)
    before = weights(trainer)
    with pytest.raises(TrainingError, match="lower --lr"):
        trainer.run()
    assert same(weights(trainer), before)


def test_gradients_that_are_not_finite_change_no_weight(make: Any) -> None:
    trainer = make()
    before = weights(trainer)
    trainer.parameters[0].register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(TrainingError):
        trainer.run()
    assert same(weights(trainer), before)


def test_a_gradient_that_overflows_once_costs_a_step_and_no_more(make: Any) -> None:
    trainer = make(steps=6)
    calls = itertools.count()
    trainer.parameters[0].register_hook(lambda gradient: gradient * (math.inf if next(calls) == 2 else 1))
    states: list[list[Tensor]] = []
    reports: list[Progress] = []
    assert trainer.run(lambda report: (reports.append(report), states.append(weights(trainer)))[0])
    assert [report.notice for report in reports] == [None] * 6
    assert same(states[1], states[2])
    assert not same(states[2], states[3])


def run_out_of_memory(trainer: Trainer, most: int, message: str = "CUDA out of memory") -> None:
    real = trainer._losses

    def losses(*words: Any) -> Any:
        if trainer.batch_size > most:
            raise torch.OutOfMemoryError(message) if "CUDA" in message else RuntimeError(message)
        return real(*words)

    trainer._losses = losses  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "message", ["CUDA out of memory", "DefaultCPUAllocator: can't allocate memory: 9 bytes"]
)
def test_out_of_memory_halves_the_batch_and_says_so(make: Any, message: str) -> None:
    trainer = make(steps=3, batch_size=8)
    run_out_of_memory(trainer, 2, message)
    reports: list[Progress] = []
    assert trainer.run(reports.append)
    assert [report.notice for report in reports if report.notice] == [
        "out of memory: the batch size is now 4",
        "out of memory: the batch size is now 2",
    ]
    assert trainer.step == 3
    assert trainer.state()["batch_size"] == 2
    resumed = make(steps=4, batch_size=8)
    resumed.load_state(trainer.state())
    assert resumed.batch_size == 2
    changed = make(steps=4, batch_size=4)
    changed.load_state(trainer.state())
    assert changed.batch_size == 4


def test_out_of_memory_while_measuring(make: Any) -> None:
    trainer = make(batch_size=4)
    run_out_of_memory(trainer, 2)
    assert trainer.seconds_per_step() > 0
    assert trainer.batch_size == 2


def test_a_fallback_keeps_the_smaller_batch(make: Any) -> None:
    trainer = make(steps=3, batch_size=4)
    run_out_of_memory(trainer, 2)
    failures = iter([True])
    break_losses(trainer, lambda step: step == 1 and next(failures, False))
    reports: list[Progress] = []
    assert trainer.run(reports.append)
    assert [report.notice[:6] for report in reports if report.notice] == ["out of", "the lo"]


def test_no_memory_for_a_single_picture(make: Any) -> None:
    trainer = make(batch_size=2)
    run_out_of_memory(trainer, 0)
    with pytest.raises(TrainingError, match="out of memory; try a smaller"):
        trainer.run()


def test_other_errors_are_not_taken_for_want_of_memory(make: Any) -> None:
    trainer = make()
    trainer._losses = lambda *_: (_ for _ in ()).throw(RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        trainer.run()


def test_corrupt_photos_are_counted(make: Any) -> None:
    trainer = make(steps=40)
    trainer.run()
    assert {Path(name).name for name in trainer.skipped} == {"broken.jpg", "text.png"}


def test_corrupt_photos_alone_are_a_clear_error(loss: PerceptualLoss, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"no photo")
    config = TrainingConfig(steps=2, image_size=64)
    trainer = Trainer(
        make_model(styles=2), loss, find_photos(tmp_path)[0], config, device=torch.device("cpu")
    )
    for action in (trainer.run, trainer.seconds_per_step):
        with pytest.raises(InputFileError, match=r"only 0 can be read.*--dataset"):
            action()


def test_the_gradient_scaler_survives_a_fallback(make: Any) -> None:
    trainer = make(steps=4)
    trainer.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    failures = iter([True])
    break_losses(trainer, lambda step: step == 2 and next(failures, False))
    assert trainer.run()
    assert trainer.step == 4
    assert all(torch.isfinite(weight).all() for weight in weights(trainer))


def test_the_gradient_scaler_survives_want_of_memory_in_the_middle_of_a_step(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make(steps=3, batch_size=4)
    trainer.precision = torch.float16
    trainer.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    monkeypatch.setattr(trainer, "_autocast", nullcontext)
    clip, calls = torch.nn.utils.clip_grad_norm_, itertools.count()

    def clipped(*words: Any) -> Tensor:
        if next(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return clip(*words)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", clipped)
    assert trainer.run()
    assert (trainer.step, trainer.batch_size) == (3, 2)
    assert trainer.scaler.get_scale() == 1024.0


def test_overflows_that_no_smaller_scale_cures_stop_the_run(make: Any) -> None:
    trainer = make(steps=100)
    trainer.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    trainer.parameters[0].register_hook(lambda gradient: gradient * math.inf)
    before = weights(trainer)
    with pytest.raises(TrainingError):
        trainer.run()
    assert same(weights(trainer), before)
