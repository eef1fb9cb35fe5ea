"""Styles that change over time, and a film that goes on elsewhere as if nothing had happened."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from helpers import make_model, photo_pixels
from PIL import Image

from style_transfer.errors import UserError
from style_transfer.networks.styles import Ranges
from style_transfer.runtime.film import Film, Timeline
from style_transfer.runtime.stylizer import Stylizer

FRAMES = [np.roll(photo_pixels(48, 64, seed=1), shift, 1) for shift in range(0, 20, 2)]


@pytest.fixture(scope="module")
def stylizer():
    return Stylizer(make_model("fast", 3), device="cpu", engine="torch", precision="fp32")


@pytest.fixture
def looks(stylizer):
    return [stylizer.make_look(name) for name in ("great_wave", "starry_night", "the_scream")]


def at(timeline, seconds):
    looks, share = timeline.at(Fraction(seconds))
    return [next(n for n, known in enumerate(timeline.looks) if known is look) for look in looks], share


def test_a_timeline(looks):
    timeline = Timeline(looks, [Fraction(0), Fraction(10), Fraction(21, 2)], Fraction(2))
    assert at(timeline, -1) == at(timeline, 0) == at(timeline, 9) == ([0], 0)
    assert at(timeline, 10) == ([0, 1], 0)
    assert at(timeline, "10.25") == ([0, 1], 0.5)  # half a second is all there is before the next
    assert at(timeline, 11) == ([1, 2], 0.25)
    assert at(timeline, "12.5") == at(timeline, 99) == ([2], 0)


def test_without_a_transition_it_changes_at_once(looks):
    timeline = Timeline(looks[:2], [Fraction(0), Fraction(1)])
    assert at(timeline, "0.999") == ([0], 0)
    assert at(timeline, 1) == ([1], 0)


@pytest.mark.parametrize("steady", [True, False])
def test_larger_strokes_are_painted_small(stylizer, looks, steady):
    large = np.repeat(np.repeat(FRAMES[0], 2, 0), 2, 1)
    painted = Film(stylizer, Timeline(looks[:1]), steady=steady, paint_size=64)(large, Fraction(0))
    small = Film(stylizer, Timeline(looks[:1]), steady=steady)(FRAMES[0], Fraction(0))
    expected = np.asarray(Image.fromarray(small).resize((128, 96), Image.Resampling.BICUBIC))
    assert np.abs(painted.astype(int) - expected).mean() < 2
    assert (Film(stylizer, Timeline(looks[:1]), paint_size=999)(large, Fraction(0)) != painted).any()


@pytest.mark.parametrize("steady", [True, False])
def test_a_fade_is_one_of_parameters_not_of_pixels(stylizer, looks, steady):
    film = Film(stylizer, Timeline(looks[:2], [Fraction(0), Fraction(1)], Fraction(1)), steady=steady)
    first = film(FRAMES[0], Fraction(0)).astype(int)
    half = film(FRAMES[0], Fraction(3, 2)).astype(int)
    second = film(FRAMES[0], Fraction(5, 2)).astype(int)
    assert np.abs(first - stylizer(FRAMES[0], looks[0])).max() <= 1
    assert np.abs(second - stylizer(FRAMES[0], looks[1])).max() <= 1
    mix = stylizer.make_look("great_wave:0.5,starry_night:0.5")
    painted = stylizer(FRAMES[0], mix).astype(int)
    if steady:  # statistics lie between the two looks' as well
        assert np.abs(half - painted).mean() < np.abs(first - second).mean() / 2
    else:
        assert np.abs(half - painted).max() <= 1
        assert np.abs(half - (first + second) / 2).max() > 2


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_style_that_comes_at_once_leaves_nothing_of_the_former(stylizer, looks, elsewhere):
    timeline = Timeline(looks[:2], [Fraction(0), Fraction(3)])
    film, plain = Film(stylizer, timeline, stabilize=1.0), Film(stylizer, timeline)
    for when in range(3):
        film(FRAMES[0], Fraction(when))
    state, going_on = film.state(), film
    if elsewhere:
        going_on = Film(stylizer, timeline, stabilize=1.0)
        going_on.restore(state)
    assert (going_on(FRAMES[0], Fraction(3)) == plain(FRAMES[0], Fraction(3))).all()


@pytest.mark.parametrize("stabilize", [0.0, 0.7])
def test_it_goes_on_elsewhere_to_the_bit(stylizer, looks, stabilize):
    timeline = Timeline(looks[:2], [Fraction(0), Fraction(4)], Fraction(3))
    one, other, skipping = (Film(stylizer, timeline, stabilize=stabilize) for _ in range(3))
    for when, frame in enumerate(FRAMES[:6]):
        painted = one(frame, Fraction(when))
        skipping.skip(frame, Fraction(when), painted)
    other.warm_up(48, 64)
    other.restore(one.state())
    for when, frame in enumerate(FRAMES[6:], 6):
        expected = one(frame, Fraction(when))
        assert (other(frame, Fraction(when)) == expected).all()
        if not stabilize:
            assert (skipping(frame, Fraction(when)) == expected).all()


def test_it_warms_up_at_the_size_that_it_paints(stylizer, looks, monkeypatch):
    paint, seen = stylizer.engine.paint, set()
    monkeypatch.setattr(
        stylizer.engine, "paint", lambda frame, look: seen.add(frame.shape) or paint(frame, look)
    )
    film = Film(stylizer, Timeline(looks[:1]), paint_size=32)
    film.warm_up(48, 64)
    assert seen == {(24, 32, 3)}
    film(FRAMES[0], Fraction(0))
    assert seen == {(24, 32, 3)}


@pytest.mark.parametrize("paint_size", [None, 32])
def test_what_is_skipped_is_followed_as_what_is_painted(stylizer, looks, paint_size):
    one, skipping, other = (
        Film(stylizer, Timeline(looks[:1]), stabilize=0.7, paint_size=paint_size) for _ in range(3)
    )
    for when, frame in enumerate(FRAMES[:4]):
        skipping.skip(frame, Fraction(when), one(frame, Fraction(when)))
    expected, found, afresh = (film(FRAMES[4], Fraction(4)).astype(int) for film in (one, skipping, other))
    assert np.abs(found - expected).mean() < 0.25 * np.abs(afresh - expected).mean()


def test_a_damaged_state_is_said(stylizer, looks):
    film = Film(stylizer, Timeline(looks))
    film(FRAMES[0], Fraction(0))
    state = film.state()
    del state["track.0.target.means"]
    with pytest.raises(UserError, match="damaged"):
        film.restore(state)


def test_a_blend_has_statistics_where_both_have(looks, stylizer):
    from style_transfer.runtime.look import blend

    frozen = [look.frozen(stylizer.measure(FRAMES[0], look)) for look in looks]
    assert blend(frozen[0], looks[1], 0.5).statistics is None
    assert np.array_equal(blend(*frozen[:2], 1.0).statistics.means, frozen[1].statistics.means)


def test_a_blend_lies_between_its_looks_in_all_that_they_have(looks):
    from style_transfer.runtime.look import blend

    ranges = [
        Ranges(*(np.full((1, 2), value, np.float32) for value in (low, low + 1, low + 2))) for low in (0, 4)
    ]
    first, second = (
        replace(look, strength=strength, ranges=own)
        for look, strength, own in zip(looks, (0.2, 0.6), ranges, strict=False)
    )
    between = blend(first, second, 0.25)
    assert between.strength == pytest.approx(0.3)
    assert [part.tolist() for part in between.ranges] == [[[1, 1]], [[2, 2]], [[3, 3]]]
