"""The loop: it learns, it resumes to the bit, and it survives what goes wrong."""

from __future__ import annotations

import copy
import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from compare import same, weights
from helpers import make_model
from torch import Tensor

from style_transfer.errors import InputFileError
from style_transfer.losses.perceptual import PerceptualLoss
from style_transfer.training.checkpoint import load_checkpoint, save_checkpoint
from style_transfer.training.config import TrainingConfig
from style_transfer.training.dataset import find_photos
from style_transfer.training.trainer import Progress, Trainer


def stop_after(steps: int) -> Any:
    calls = itertools.count()
    return lambda: next(calls) >= steps


def test_the_loss_decreases(make: Any) -> None:
    trainer = make(steps=40, lr=0.02, batch_size=4)
    assert trainer.run()
    totals = [row["total"] for row in trainer.history]
    assert len(totals) == 40
    assert sum(totals[-5:]) < 0.7 * sum(totals[:5])


def test_a_run_that_is_extended_does_not_unlearn_to_hold_still(make: Any) -> None:
    short, longer = make(steps=4), make(steps=400)
    short.run()
    assert short.temporal_share == 1
    longer.load_state(short.state())
    longer.run(should_stop=lambda: longer.step > 4)
    assert longer.history[-1]["temporal"] > 0


@pytest.mark.parametrize(("precision", "half"), [(torch.float32, 10), (torch.bfloat16, 2)])
def test_stopped_saved_and_resumed_is_the_same_to_the_bit(
    make: Any, precision: torch.dtype, half: int, tmp_path: Path
) -> None:
    straight = make(steps=2 * half)
    straight.precision = precision
    before = weights(straight)
    assert straight.run()
    assert not same(before, weights(straight))

    stopped = make(steps=2 * half)
    stopped.precision = precision
    assert not stopped.run(should_stop=stop_after(half))
    assert stopped.step == half
    save_checkpoint(stopped.state(), tmp_path / "c.pt")
    torch.manual_seed(99)
    resumed = make(make_model(styles=2), steps=2 * half)
    resumed.precision = precision
    resumed.load_state(load_checkpoint(tmp_path / "c.pt"))
    assert resumed.run()
    assert same(weights(straight), weights(resumed))
    assert straight.history == resumed.history


def test_a_finished_run_can_be_extended(make: Any, tmp_path: Path) -> None:
    first = make(steps=5)
    first.run()
    save_checkpoint(first.state(), tmp_path / "c.pt")
    longer = make(steps=9)
    longer.load_state(load_checkpoint(tmp_path / "c.pt"))
    assert longer.run()
    assert longer.step == 9
    assert [row["step"] for row in longer.history] == list(range(1, 10))
    assert longer.history[:5] == first.history
    finished = make(steps=5)
    finished.load_state(load_checkpoint(tmp_path / "c.pt"))
    assert finished.run()
    assert same(weights(finished), weights(first))


def test_the_temporal_loss_counts_unless_its_weight_is_zero(make: Any) -> None:
    with_it, without = make(steps=4), make(steps=4, temporal_weight=0)
    for trainer in (with_it, without):
        trainer.run()
    assert not any("temporal" in row for row in without.history)
    # It comes in when some of the run is done.
    assert with_it.history[:2] == without.history[:2]
    row, plain = with_it.history[2], without.history[2]
    for name in ("content", "style", "tone", "tv"):
        assert row[name] == plain[name]
    assert row["total"] == pytest.approx(plain["total"] + 80 * row["temporal"], rel=1e-4)
    for row in with_it.history[2:]:
        assert row["temporal"] > 0
        others = row["content"] + 12 * row["style"] + row["tone"] + 0.1 * row["tv"]
        assert row["total"] == pytest.approx(others + 80 * row["temporal"], rel=1e-4)


def test_mixes_count_unless_their_share_is_zero(make: Any) -> None:
    never, always = make(steps=4, mix_share=0), make(steps=4, mix_share=1)
    for trainer in (never, always):
        trainer.run()
    assert not same(weights(never), weights(always))


def test_a_checkpoint_of_another_run_is_refused(make: Any) -> None:
    state = make().state()
    for model in (make_model(styles=1), make_model("johnson", styles=2), make_model(styles=2, width=5)):
        with pytest.raises(InputFileError, match=r"of another run.*--resume"):
            make(model).load_state(state)


def test_the_seed_decides(make: Any) -> None:
    runs = [make(steps=2, seed=seed) for seed in (1, 1, 2)]
    for trainer in runs:
        trainer.run()
    assert same(weights(runs[0]), weights(runs[1]))
    assert not same(weights(runs[0]), weights(runs[2]))


@pytest.mark.parametrize(
    ("batch", "styles", "photos"),
    [(4, 2, 2), (4, 1, 4), (3, 2, 3), (2, 3, 1), (1, 3, 1), (5, 3, 5), (6, 3, 3)],
)
def test_a_batch_is_as_large_as_asked(make: Any, batch: int, styles: int, photos: int) -> None:
    model = make_model(styles=2) if styles == 2 else make_model(styles=styles)
    trainer = make(model, batch_size=batch, mix_share=0)
    assert trainer.photos_per_step == photos
    seen: dict[str, Tensor] = {}

    def losses(output: Tensor, content: Any, mixes: Tensor) -> dict[str, Tensor]:
        seen.update(output=output, style=mixes.argmax(1), content=content[0])
        return {name: output.mean() for name in ("content", "style", "tv")}

    targets = trainer.loss.content_targets
    trainer.loss = type(
        "Loss", (), {"__call__": staticmethod(losses), "content_targets": staticmethod(targets)}
    )()
    trainer._losses(torch.zeros(photos, 3, 64, 64, dtype=torch.uint8), 80.0)
    assert len(seen["output"]) == len(seen["style"]) == len(seen["content"]) == batch
    for shown in seen["style"].split(batch // photos):
        assert len(set(shown.tolist())) == len(shown)  # a photo in different styles
    counts = torch.bincount(seen["style"], minlength=styles)
    assert counts.max() - counts.min() <= 1


def test_measuring_the_time_leaves_no_trace(make: Any) -> None:
    trainer = make()
    before = copy.deepcopy(trainer.state())
    assert trainer.seconds_per_step() > 0
    after = trainer.state()
    for part in ("network", "bank"):
        assert same([*before[part].values()], [*after[part].values()])
    assert after["optimizer"] == before["optimizer"]
    assert all(parameter.grad is None for parameter in trainer.parameters)


def test_minutes_end_a_run(make: Any) -> None:
    trainer = make(steps=None, minutes=0.02)
    reports: list[Progress] = []
    assert trainer.run(reports.append)
    assert trainer.seconds >= 1.2
    assert reports[-1].done == 1
    assert reports[-1].seconds_left == 0
    assert [report.step for report in reports] == list(range(1, trainer.step + 1))
    assert all(math.isfinite(report.seconds_left) for report in reports)


def test_what_is_left_is_told_by_the_time_that_the_steps_took(make: Any) -> None:
    trainer, left = make(steps=4), []

    def on_progress(progress: Progress) -> None:
        left.append((progress.seconds_left, trainer.seconds * (4 - progress.step) / progress.step))

    trainer.run(on_progress)
    assert len(left) == 4
    for found, expected in left:
        assert found == pytest.approx(expected)


def test_a_run_in_float16_goes_on_from_one_that_was_none(make: Any) -> None:
    plain = make(steps=4)
    assert not plain.run(should_stop=stop_after(2))
    half = make(steps=4)
    half.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    half.load_state(plain.state())
    assert half.run()
    assert half.scaler.get_scale() == 1024.0


@pytest.mark.parametrize("older", [lambda groups: groups.pop(), lambda groups: groups[0].pop("orthogonal")])
def test_a_checkpoint_with_other_groups_changes_nothing(older: Any, make: Any) -> None:
    state = make().state()
    older(state["optimizer"]["param_groups"])
    trainer = make(make_model(styles=2))
    before = weights(trainer)
    with pytest.raises(InputFileError, match="older version"):
        trainer.load_state(state)
    assert same(before, weights(trainer))


@pytest.mark.gpu
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16, torch.float16])
def test_trains_on_a_gpu(loss: PerceptualLoss, photo_folder: Path, precision: torch.dtype) -> None:
    config = TrainingConfig(steps=30, image_size=64, lr=0.02)
    photos = find_photos(photo_folder)[0]
    device = torch.device("cuda")
    trainer = Trainer(
        make_model(styles=2), copy.deepcopy(loss), photos, config, device=device, precision=precision
    )
    assert trainer.run()
    totals = [row["total"] for row in trainer.history]
    assert sum(totals[-5:]) < sum(totals[:5])
    assert all(torch.isfinite(weight).all() for weight in weights(trainer))
