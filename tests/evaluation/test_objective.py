"""The objective of a photo and a style: as the trainer weighs it, and told apart by its key."""

from __future__ import annotations

import pytest
import torch
from helpers import photo_tensor

from style_transfer.errors import ModelFileError, UserError
from style_transfer.evaluation.objective import Objective, Recipe, measured
from style_transfer.training.config import TrainingConfig


def test_the_defaults_are_those_of_training() -> None:
    assert Recipe.of({}) == Recipe()
    config, recipe = TrainingConfig(), Recipe()
    for name in ("content_weight", "style_weight", "tone_weight", "tv_weight", "style_size"):
        assert getattr(recipe, name) == getattr(config, name)


def test_a_header_states_the_recipe() -> None:
    told = {"content_weight": 2.0, "style_weight": 5, "style_size": 256, "scales": [1], "steps": 7,
            "content_layers": ["relu2_2"], "style_layers": ["relu1_2", "relu3_1"]}  # fmt: skip
    recipe = Recipe.of(told)
    assert recipe == Recipe(2.0, 5.0, 0.0, 0.1, 256, ("relu2_2",), ("relu1_2", "relu3_1"), (1,))
    ones = {name: torch.tensor(1.0) for name in ("content", "style", "tone", "tv")}
    assert float(recipe.total(ones)) == pytest.approx(7.1)


def test_a_header_from_before_the_tone_loss_has_none() -> None:
    assert Recipe.of({"style_weight": 12.0}).tone_weight == 0
    assert Recipe.of({"style_weight": 12.0, "tone_weight": 2}).tone_weight == 2


@pytest.mark.parametrize(
    "told",
    [
        {"scales": [0]},
        {"scales": 3},
        {"content_layers": []},
        {"scales": ["1"]},
        {"style_layers": ["conv9"]},
        {"style_weight": "bold"},
    ],
)
def test_a_header_with_nonsense_is_refused(told) -> None:
    with pytest.raises(ModelFileError, match="does not say what losses"):
        Recipe.of(told)


@pytest.mark.parametrize("wrong", [{"style_weight": -1}, {"tv_weight": float("nan")}, {"style_size": 8}])
def test_wrong_numbers_are_refused_in_the_words_of_the_flags(wrong) -> None:
    with pytest.raises(UserError, match=f"--{next(iter(wrong)).replace('_', '-')} must be"):
        Recipe(**wrong)


def test_losses_of_a_pair(vgg_file, paintings) -> None:
    objective = Objective(Recipe(3, 5, 2, 7, 64), paintings, vgg_weights=vgg_file)
    photo, other = photo_tensor(32, 32), photo_tensor(32, 32, 1)
    found = measured(objective.losses(photo, 1), other)
    weights = {"content": 3, "style": 5, "tone": 2, "tv": 7}
    assert found["total"] == pytest.approx(sum(weight * found[name] for name, weight in weights.items()))
    assert found["tone"] > 0
    assert measured(objective.losses(photo, 1), photo)["content"] == 0
    assert objective.style_loss(other, 1) == found["style"]
    assert objective.style_loss(other, 0) != pytest.approx(found["style"])


def test_keys_differ_where_anything_differs(vgg_file, paintings) -> None:
    photo = photo_tensor(32, 32)

    def keys(recipe: Recipe) -> list[str]:
        objective = Objective(recipe, paintings, vgg_weights=vgg_file)
        return [objective.key(photo, 0), objective.key(photo, 1), objective.key(1 - photo, 0)]

    first, again, other = (
        keys(Recipe(style_size=64)),
        keys(Recipe(style_size=64)),
        keys(Recipe(2, style_size=64)),
    )
    assert first == again
    assert len({*first, *other}) == 6
