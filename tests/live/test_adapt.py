"""The working resolution: what it settles at, and that it does not pump."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from style_transfer.live.adapt import SCALES, Adapter


def run(
    adapter: Adapter, cost: Callable[[float], float], seconds: float, start: float = 0.0, fps: float = 30
) -> list[float]:
    """Feed an adapter with a network that takes ``cost(now)`` for a full frame; the scales used, by frame."""
    now, scales = start, []
    while now < start + seconds:
        took = cost(now) * adapter.scale**2
        now += max(took, 1 / fps)
        scales.append(adapter.scale)
        adapter.observe(took, now)
    return scales


def changes(scales: list[float]) -> int:
    return sum(a != b for a, b in itertools.pairwise(scales))


def test_a_fast_network_works_at_full_size() -> None:
    assert set(run(Adapter(30), lambda _: 0.02, 60)) == {1.0}


def test_a_slow_network_goes_straight_to_the_size_that_holds_the_rate_and_stays() -> None:
    adapter = Adapter(30)
    scales = run(adapter, lambda _: 0.1, 120)
    assert 0.1 * adapter.scale**2 <= 1 / 30
    assert 0.1 * SCALES[SCALES.index(adapter.scale) - 1] ** 2 > 0.75 / 30
    assert changes(scales) == 1


def test_starting_knows_the_size_from_the_warm_up() -> None:
    adapter = Adapter(30)
    adapter.start(0.1)
    assert changes(run(adapter, lambda _: 0.1, 60)) == 0
    assert adapter.scale < 1


def test_a_hopeless_network_ends_at_the_least_scale() -> None:
    adapter = Adapter(30)
    adapter.start(0.01, least=0.4)
    run(adapter, lambda _: 50.0, 2000)
    assert adapter.scale == 0.42
    adapter.start(0.01, least=7)
    assert adapter.scale == 1


def test_much_too_slow_is_noticed_within_seconds() -> None:
    adapter = Adapter(30)
    scales = run(adapter, lambda _: 1.0, 10)
    assert scales[:9].count(1.0) <= 6


def test_it_comes_back_when_the_machine_is_free_again() -> None:
    adapter = Adapter(30)
    run(adapter, lambda _: 0.1, 20)
    run(adapter, lambda _: 0.02, 60, start=20)
    assert adapter.scale == 1


def test_single_slow_frames_change_nothing() -> None:
    adapter, now = Adapter(30), 0.0
    for n in range(2000):
        now += 1 / 30
        adapter.observe(0.5 if n % 7 == 0 else 0.02, now)
        assert adapter.scale == 1


def test_where_a_step_up_never_holds_tries_become_rare() -> None:
    """A machine that slows down whenever it works harder, as one that gets hot does."""
    adapter, now, scales = Adapter(30), 0.0, []
    adapter.start(0.06)
    low = adapter.scale
    for _ in range(30 * 600):
        took = 0.015 if adapter.scale <= low else 0.05
        now += max(took, 1 / 30)
        scales.append(adapter.scale)
        adapter.observe(took, now)
    assert changes(scales[: len(scales) // 2]) > changes(scales[len(scales) // 2 :])
    assert changes(scales) <= 24  # in ten minutes
    assert sum(scale <= low for scale in scales) > 0.95 * len(scales)
