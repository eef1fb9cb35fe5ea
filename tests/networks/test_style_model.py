"""Styles: their names, their weights, their mixes; and finding models by name."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import make_model, photo_tensor
from hypothesis import given
from hypothesis import strategies as st

from style_transfer.errors import ModelFileError, UnknownNameError, UserError
from style_transfer.networks import catalogue
from style_transfer.networks.model_file import save_model
from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import (
    Ranges,
    Style,
    check_style_names,
    parse_mix,
    part_box,
    typeable_name,
)


def test_weights_are_normalised(model: StyleModel) -> None:
    assert model.weights({"great_wave": 3, "the_scream": 1}).tolist() == [[0.75, 0, 0.25]]
    assert model.weights({"starry_night": 0.001}).tolist() == [[0, 1, 0]]


def test_an_accent_may_be_a_letters_or_its_own(model: StyleModel) -> None:
    composed, decomposed = "m\u00fchle", "mu\u0308hle"
    for name, typed in ((composed, decomposed), (decomposed, composed)):
        model.styles[1] = Style(name)
        assert model.weights({typed: 1}).tolist() == [[0, 1, 0]]


@given(st.lists(st.floats(0, allow_infinity=False), min_size=3, max_size=3).filter(any))
def test_any_finite_weights_sum_to_one(weights: list[float]) -> None:
    model = make_model()
    row = model.weights(dict(zip(model.style_names, weights, strict=True)))
    assert row.dtype == torch.float32
    assert torch.isfinite(row).all()
    assert row.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(model: StyleModel, weight: float) -> None:
    with pytest.raises(UserError, match="great_wave"):
        model.weights({"great_wave": weight, "the_scream": 1})


def test_weights_that_sum_to_nothing_are_refused(model: StyleModel) -> None:
    for mix in ({}, {"great_wave": 0.0}):
        with pytest.raises(UserError, match="sum to nothing"):
            model.weights(mix)


def test_an_unknown_style_lists_the_known_and_suggests_the_nearest(model: StyleModel) -> None:
    with pytest.raises(UnknownNameError, match=r"'great_wav'; did you mean 'great_wave'\? .*starry_night"):
        model.weights({"great_wav": 1})


def test_a_mix_interpolates_every_parameter(model: StyleModel) -> None:
    first, last = model.mix({"great_wave": 1}), model.mix({"the_scream": 1})
    for mixed, a, b in zip(model.mix({"great_wave": 0.6, "the_scream": 0.2}), first, last, strict=True):
        torch.testing.assert_close(mixed, 0.75 * a + 0.25 * b)
        assert not mixed.requires_grad


def test_without_pytorch_it_is_the_same_model(model: StyleModel) -> None:
    model.ranges = Ranges(*(torch.rand(3, n) for n in (9, 7)), torch.rand(9))
    model.training = {"steps": 7}
    stored = model.stored()
    assert stored.describe() == model.describe()
    mix = {"great_wave": 0.6, "the_scream": 0.2}
    for ours, theirs in zip(stored.mix(mix), model.mix(mix), strict=True):
        assert ours.dtype == np.float32
        torch.testing.assert_close(torch.from_numpy(ours), theirs)
    again = StyleModel.of(stored)
    with torch.no_grad():  # each has memory of its own
        for parameter in [*model.network.parameters(), *model.bank.parameters()]:
            parameter.zero_()
    for name, value in again.stored().tensors().items():
        assert np.array_equal(value, stored.tensors()[name])
        assert value.any()


def test_a_mix_paints_between_its_styles(model: StyleModel) -> None:
    photo = photo_tensor(40, 40)
    with torch.inference_mode():
        pictures = [
            model.network(photo, *model.mix({"great_wave": 1 - share, "the_scream": share}))
            for share in (0.0, 0.25, 0.5, 0.75, 1.0)
        ]
    steps = [(a - b).abs().mean() for a, b in itertools.pairwise(pictures)]
    assert max(steps) < 0.6 * (pictures[0] - pictures[-1]).abs().mean()
    assert min(steps) > 0


def test_parse_mix() -> None:
    assert parse_mix("great_wave") == {"great_wave": 1}
    assert parse_mix("a:0.6, b:0.4") == {"a": 0.6, "b": 0.4}
    assert parse_mix("a,b:2,a:.5") == {"a": 1.5, "b": 2}
    for text in ("", "a,", ":1", "a:", "a:x", "a:1:2"):
        with pytest.raises(UserError):
            parse_mix(text)


@pytest.mark.parametrize("name", ["", "a,b", "a:b", "a/b", "a\\b", "a;b", "a@b", " a", "a\n", "a\x1b[31m"])
def test_names_that_cannot_be_typed_are_refused(name: str) -> None:
    with pytest.raises(UserError):
        check_style_names([name])
    check_style_names([typeable_name(f"x{name}")])


def test_names_must_be_there_and_distinct() -> None:
    with pytest.raises(UserError, match="at least one"):
        check_style_names([])
    with pytest.raises(UserError, match="'b'"):
        check_style_names(["a", "b", "b"])
    check_style_names(["große-welle_2", "神奈川沖浪裏", "two words"])


def test_a_style_is_plain_text() -> None:
    assert str(Style("wave", "Die große Welle", year="1831")) == "wave (Die große Welle, 1831)"
    for facts in (
        {"title": "\x1b]0;gotcha\x07"}, {"artist": "two\nlines"}, {"year": 1831}, {"licence": "caf\udce9"}
    ):  # fmt: skip
        with pytest.raises(UserError, match="describe"):
            Style("wave", **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "part",
    [
        "half",
        "0, 0, 1",
        "0, 0, 1, 1, 1",
        "0, 0, 1, 1.1",
        "-0.1, 0, 1, 1",
        ".5, 0, .5, 1",
        "0, 1, 1, 0",
        "nan, 0, 1, 1",
    ],
)
def test_a_part_is_within_the_painting(part: str) -> None:
    with pytest.raises(UserError, match="no part of a painting"):
        Style("wave", part=part)
    assert part_box(Style("wave", part="0.25,0 , .8,1").part) == (0.25, 0, 0.8, 1)
    assert part_box(Style("wave").part) == (0, 0, 1, 1)


def test_an_unknown_network_is_named() -> None:
    with pytest.raises(UnknownNameError, match="'fats'; did you mean 'fast'"):
        StyleModel.create("fats", [Style("a")])


def test_models_are_found_by_name_and_by_path(
    model: StyleModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("aaa", catalogue.DEFAULT_MODEL):
        save_model(model, tmp_path / f"{name}.safetensors")
    monkeypatch.setattr(catalogue, "models_folder", lambda: tmp_path)
    assert catalogue.list_models() == [catalogue.DEFAULT_MODEL, "aaa"]
    assert catalogue.load_model().style_names == model.style_names
    assert catalogue.load_model("aaa").style_names == model.style_names
    assert catalogue.find_model(tmp_path / "aaa.safetensors") == tmp_path / "aaa.safetensors"
    with pytest.raises(UnknownNameError, match="did you mean 'gallery-fast'"):
        catalogue.find_model("galery-fast")
    with pytest.raises(ModelFileError, match="no model file"):
        catalogue.find_model(tmp_path / "none.safetensors")


@pytest.mark.parametrize("network", ["fast", "johnson"])
def test_the_plan_says_which_convolutions_see_numbers_below_zero(network: str) -> None:
    model = make_model(network, width=8)
    seen = set()
    for name in model.network.plan.convolutions:
        module = model.network.get_submodule(name)
        module.register_forward_pre_hook(lambda _, x, name=name: seen.add(name) if (x[0] < 0).any() else None)
    with torch.no_grad():
        model.network(photo_tensor(48, 64), *model.mix({"great_wave": 1}))
    assert seen == model.network.plan.signed
