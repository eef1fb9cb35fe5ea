"""Settings and the schedule of the learning rate."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from style_transfer.errors import UserError
from style_transfer.training.config import TrainingConfig


def test_warm_up_constant_decay() -> None:
    config = TrainingConfig(steps=1000, lr=1.0)
    rates = [config.learning_rate(step, 0) for step in range(1000)]
    assert rates[0] == pytest.approx(1 / 40)
    assert rates[19] == pytest.approx(0.5)
    assert set(rates[40:650]) == {1.0}
    assert rates[825] == pytest.approx(0.51, abs=0.01)
    assert rates[-1] == pytest.approx(0.02, abs=0.001)
    assert sorted(rates[650:], reverse=True) == rates[650:]


def test_a_run_can_be_extended_without_a_change_before_its_decay() -> None:
    short, long = TrainingConfig(steps=1000), TrainingConfig(steps=2000)
    assert [short.learning_rate(k, 0) for k in range(650)] == [long.learning_rate(k, 0) for k in range(650)]


@given(
    steps=st.none() | st.integers(1, 10**6),
    minutes=st.none() | st.floats(0.01, 1e4),
    step=st.integers(0, 10**6),
    seconds=st.floats(0, 1e6),
)
def test_the_rate_stays_within_bounds(
    steps: int | None, minutes: float | None, step: int, seconds: float
) -> None:
    if steps is None and minutes is None:
        return
    config = TrainingConfig(steps=steps, minutes=minutes, lr=0.01)
    assert 0 <= config.progress(step, seconds) <= 1
    assert 0 < config.learning_rate(step, seconds) <= 0.01


def test_steps_or_minutes_end_a_run_whichever_come_first() -> None:
    config = TrainingConfig(steps=100, minutes=1)
    assert config.progress(50, 0) == 0.5
    assert config.progress(50, 45) == 0.75
    assert config.progress(100, 0) == config.progress(0, 60) == config.progress(500, 500) == 1
    assert TrainingConfig(steps=None, minutes=2).progress(10**6, 60) == 0.5


def test_the_temporal_loss_comes_in_when_the_painting_is_there() -> None:
    config = TrainingConfig(steps=100, temporal_weight=80)
    assert [config.temporal_share(step, 0) for step in (0, 30)] == [0, 0]
    assert config.temporal_share(40, 0) == pytest.approx(0.5)
    assert [config.temporal_share(step, 0) for step in (50, 99, 200)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("settings", "flag"),
    [
        ({"steps": 0}, "--steps"),
        ({"steps": -5, "minutes": 3.0}, "--steps"),
        ({"steps": None, "minutes": float("nan")}, "--minutes"),
        ({"steps": None}, "--steps or --minutes"),
        ({"batch_size": 0}, "--batch-size"),
        ({"lr": 0.0}, "--lr"),
        ({"lr": float("inf")}, "--lr"),
        ({"image_size": 63}, "--image-size"),
        ({"style_size": 8}, "--style-size"),
        ({"style_size": 10**6}, "--style-size"),
        ({"style_weight": -1.0}, "--style-weight"),
        ({"tv_weight": float("nan")}, "--tv-weight"),
        ({"temporal_weight": -1}, "--temporal-weight"),
        ({"content_weight": float("inf")}, "--content-weight"),
        ({"mix_share": 1.5}, "--mix-share"),
        ({"mix_share": float("nan")}, "--mix-share"),
    ],
)
def test_impossible_settings_are_refused_by_their_flag(settings: dict[str, Any], flag: str) -> None:
    with pytest.raises(UserError, match=flag):
        TrainingConfig(**settings)
