"""What the pictures of a batch are painted in."""

from __future__ import annotations

import pytest
import torch

from style_transfer.training.mixes import draw_mixes


def test_a_share_of_the_pictures_is_painted_in_mixes_of_two() -> None:
    generator = torch.Generator().manual_seed(1)
    mixes = draw_mixes(2000, 5, 0.25, generator)
    assert mixes.shape == (2000, 5)
    assert mixes.sum(1) == pytest.approx(1)
    most = mixes.amax(1)
    mixed = mixes[most < 1]
    assert len(mixed) == pytest.approx(500, rel=0.15)
    assert ((mixed > 0).sum(1) == 2).all()
    assert 0.5 <= most.min() < 0.53
    assert (1 - most[most < 1]).mean() == pytest.approx(0.25, rel=0.1)
    pairs = mixed.argsort(1)[:, -2:]
    partners = pairs[:, 0].bincount(minlength=5)
    assert partners.min() > 0.6 * partners.max()
    assert len(pairs.unique(dim=0)) == 20  # any with any other


def test_without_mixes_each_style_comes_as_often_as_any_other() -> None:
    generator = torch.Generator().manual_seed(1)
    alone = draw_mixes(7, 3, 0, generator)
    assert sorted(alone.sum(0).tolist()) == [2, 2, 3]
    assert (alone.amax(1) == 1).all()
    assert (draw_mixes(3, 1, 1, generator) == 1).all()
    first = sum(draw_mixes(2, 5, 0, generator).sum(0) for _ in range(500))  # of batches with room for two
    assert first.min() > 0.7 * first.max()
