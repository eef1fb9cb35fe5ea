"""What is shown and saved of a run: the mean of its last steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from style_transfer.training.average import Average


def test_weights_that_go_to_and_fro_have_their_middle_as_mean() -> None:
    weight = nn.Parameter(torch.zeros(3))
    average = Average([weight])
    for step in range(1000):
        weight.data = torch.full((3,), 5.0 + (-1) ** step)
        average.update(step)
    torch.testing.assert_close(average.means[0], torch.full((3,), 5.0), rtol=0, atol=0.05)


def test_at_first_it_follows_at_once() -> None:
    weight = nn.Parameter(torch.zeros(3))
    average = Average([weight])
    for step in range(20):
        weight.data = torch.full((3,), float(step))
        average.update(step)
    assert 18 < float(average.means[0][0]) < 19


def test_the_means_are_in_the_model_only_while_they_are_asked_for() -> None:
    weight = nn.Parameter(torch.ones(2))
    average = Average([weight])
    average.means[0] += 1
    seen = []

    def interrupted() -> None:
        with average.applied():
            seen.extend(weight.tolist())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert seen == [2, 2]
    assert weight.tolist() == [1, 1]
    assert average.means[0].tolist() == [2, 2]


def test_a_run_saves_its_mean_and_goes_on_from_its_last_step(make: Any) -> None:
    trainer = make(steps=6)
    trainer.run(should_stop=lambda: trainer.step >= 4)
    state = trainer.state()
    last = trainer.model.bank.scales.detach().clone()
    with trainer.average.applied():
        assert not torch.equal(trainer.model.bank.scales, last)
    assert torch.equal(trainer.model.bank.scales, last)
    other = make(steps=6)
    other.load_state(state)
    assert all(map(torch.equal, other.average.means, trainer.average.means))


def test_styles_alone_are_averaged_where_they_alone_are_trained(make: Any) -> None:
    trainer = make(steps=2, styles_only=True)
    before = {name: value.clone() for name, value in trainer.model.network.state_dict().items()}
    trainer.run()
    with trainer.average.applied():
        after = trainer.model.network.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)
