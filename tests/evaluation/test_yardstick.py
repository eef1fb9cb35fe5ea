"""Curves of the optimisation: what a pass is worth on them, and that they are kept."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers import photo_tensor

from style_transfer.evaluation import yardstick
from style_transfer.evaluation.objective import Objective, Recipe
from style_transfer.evaluation.yardstick import Curve, Yardstick

CURVE = Curve([10.0, 6.0, 4.0, 3.0], np.zeros((1, 1, 3), np.uint8))


@pytest.mark.parametrize(
    ("total", "share", "worth"),
    [(10.0, 0.0, 0.0), (12.0, -2 / 7, 0.0), (8.0, 2 / 7, 0.5), (6.0, 4 / 7, 1.0), (3.5, 6.5 / 7, 2.5),
     (3.0, 1.0, 3.0), (2.0, 8 / 7, math.inf)],
)  # fmt: skip
def test_share_and_worth(total, share, worth) -> None:
    assert CURVE.share(total) == pytest.approx(share)
    assert CURVE.worth(total) == worth


def test_there_is_no_share_of_a_decrease_of_nothing() -> None:
    assert replace(CURVE, totals=[3.0, 3.0]).share(2.0) is None


@pytest.fixture
def objective(vgg_file, paintings) -> Objective:
    return Objective(Recipe(style_size=64), paintings, vgg_weights=vgg_file)


def test_a_curve_is_made_once_and_kept(objective, tmp_path, monkeypatch) -> None:
    photo = photo_tensor(32, 32)
    made = Yardstick(objective, 2, tmp_path).curve(photo, 0, "content")
    assert len(made.totals) == 3
    assert made.totals[0] > made.totals[1] > made.totals[2]
    with monkeypatch.context() as patch:
        patch.setattr(yardstick, "optimise", None)  # to be called no more
        kept = Yardstick(objective, 2, tmp_path).curve(photo, 0, "content")
        assert kept.totals == made.totals
        assert (kept.picture == made.picture).all()
        for other in (
            lambda: Yardstick(objective, 3, tmp_path).curve(photo, 0, "content"),
            lambda: Yardstick(objective, 2, tmp_path).curve(photo, 1, "content"),
            lambda: Yardstick(objective, 2, tmp_path).curve(photo, 0, "noise"),
            lambda: Yardstick(objective, 2, tmp_path).curve(1 - photo, 0, "content"),
            lambda: Yardstick(objective, 2, None).curve(photo, 0, "content"),
        ):
            with pytest.raises(TypeError):
                other()


def test_a_damaged_curve_is_made_anew(objective, tmp_path) -> None:
    photo = photo_tensor(32, 32)
    made = Yardstick(objective, 1, tmp_path).curve(photo, 0, "noise")
    for path in (next(tmp_path.glob("*.json")), next(tmp_path.glob("*.png"))):
        path.write_bytes(b"{")
        again = Yardstick(objective, 1, tmp_path).curve(photo, 0, "noise")
        assert again.totals == pytest.approx(made.totals)
    assert len(list(tmp_path.iterdir())) == 2
