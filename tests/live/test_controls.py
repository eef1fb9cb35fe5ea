"""Keys and what they do, without window, network or clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from style_transfer.cli.webcam import build_parser
from style_transfer.live.controls import BINDINGS, FADE, Command, Controls, Scene, grid_shape, help_text

NAMES = ["The Great Wave", "The Starry Night", "The Scream"]
ALL_KEYS = [key for binding in BINDINGS for key in binding.keys]


def make(**arguments: object) -> Controls:
    controls = Controls(**arguments)  # type: ignore[arg-type]
    controls.set_styles(NAMES, (1.0, 0.0, 0.0), 0.0)
    return controls


def settled(controls: Controls, now: float = 0.0) -> tuple[float, ...]:
    return controls.scene(now + FADE).weights


def everything(controls: Controls) -> object:
    """All that a key may change."""
    return controls.scene(99.0), controls.split, controls.help, controls.text, controls.current_note(99.0)


def test_every_key_of_the_help_does_something_and_no_other_does() -> None:
    for key in ALL_KEYS:
        controls = make(strength=0.5)
        controls.split = 0.5
        before = everything(controls)
        command = controls.press(key, 99.0)
        assert command is not None or everything(controls) != before, key
    for key in (chr(code) for code in range(32, 127)):
        controls = make(strength=0.5)
        before = everything(controls)
        if key.lower() not in ALL_KEYS:
            assert controls.press(key, 99.0) is None
            assert everything(controls) == before, key


def test_no_key_is_bound_twice_and_the_commands_help_shows_them_all() -> None:
    assert len(set(ALL_KEYS)) == len(ALL_KEYS)
    text = build_parser().format_help()
    assert help_text() in text
    for binding in BINDINGS:
        assert binding.help in text
        assert binding.written in text
    assert help_text().isascii()  # a terminal of any encoding can show it


def test_a_style_fades_in() -> None:
    controls = make()
    controls.press("3", 10.0)
    assert controls.scene(10.0).weights == (1, 0, 0)
    middle = controls.scene(10.0 + FADE / 2)
    assert middle.weights == pytest.approx((0.5, 0, 0.5))
    assert middle.fade == ((1, 0, 0), (0, 0, 1), pytest.approx(0.5))
    assert controls.scene(10.0 + FADE).fade is None
    assert settled(controls, 10.0) == (0, 0, 1)
    assert controls.mix == "The Scream"


def test_a_change_in_the_middle_of_a_fade_goes_on_from_there() -> None:
    controls = make()
    controls.press("3", 10.0)
    before = controls.scene(10.2).weights
    controls.press("2", 10.2)
    assert controls.scene(10.2).weights == pytest.approx(before)
    assert settled(controls, 10.2) == (0, 1, 0)


def test_next_and_previous_go_round() -> None:
    controls = make()
    controls.press("p", 0.0)
    assert settled(controls) == (0, 0, 1)
    for _ in range(2):
        controls.press("n", 0.0)
    assert settled(controls) == (0, 1, 0)


def test_arrows_mix_towards_the_neighbour_and_n_leaves_the_mix() -> None:
    controls = make()
    for _ in range(3):
        controls.press("right", 0.0)
    assert settled(controls) == pytest.approx((0.7, 0.3, 0))
    assert controls.mix == "70% The Great Wave + 30% The Starry Night"
    controls.press("n", 0.0)
    assert settled(controls) == (0, 1, 0)
    controls.press("left", 0.0)
    assert settled(controls) == pytest.approx((0.1, 0.9, 0))
    controls.press("p", 0.0)
    assert settled(controls) == (1, 0, 0)
    controls.press("left", 0.0)
    assert settled(controls) == pytest.approx((0.9, 0, 0.1))


def test_a_mix_to_begin_with_is_kept_until_a_key_changes_it() -> None:
    controls = Controls()
    controls.set_styles(NAMES, (0.25, 0.75, 0.0), 0.0)
    assert controls.scene(5.0).weights == (0.25, 0.75, 0.0)
    controls.press("n", 5.0)
    assert settled(controls, 5.0) == (0, 0, 1)


def test_styles_change_by_themselves_and_wait_after_a_key() -> None:
    controls = make(cycle=20)
    assert controls.scene(19.9).weights == (1, 0, 0)
    controls.scene(20.0)
    assert settled(controls, 20.0) == (0, 1, 0)
    controls.press("1", 35.0)
    controls.scene(41.0)
    assert settled(controls, 41.0) == (1, 0, 0)
    controls.scene(55.0)
    assert settled(controls, 55.0) == (0, 1, 0)


def test_styles_change_by_themselves_from_when_they_are_there_and_not_while_frozen() -> None:
    controls = Controls(cycle=20)
    controls.set_styles(NAMES, (1.0, 0.0, 0.0), 15.0)
    controls.scene(34.9)
    assert controls.mix == "The Great Wave"
    controls.press(" ", 34.9)
    controls.scene(60.0)
    assert controls.mix == "The Great Wave"
    controls.press(" ", 60.0)
    controls.scene(60.0)
    assert controls.mix == "The Starry Night"


def test_a_note_stays_as_long_as_it_takes_to_read() -> None:
    controls = make()
    controls.note("short", 10.0)
    assert controls.current_note(12.4) == "short"
    assert controls.current_note(12.6) == ""
    controls.note("x" * 90, 20.0)
    assert controls.current_note(25.9) == "x" * 90
    assert controls.current_note(26.1) == ""


def test_a_number_without_a_style_says_how_many_there_are() -> None:
    controls = make()
    controls.press("4", 0.0)
    assert controls.current_note(0.0) == "there are 3 styles"
    assert settled(controls) == (1, 0, 0)


def test_a_mix_is_told_by_its_three_heaviest_styles() -> None:
    controls = Controls()
    controls.set_styles(["a", "b", "c", "d", "e"], (0.1, 0.4, 0.2, 0.296, 0.004), 0.0)
    assert controls.mix == "40% b + 30% d + 20% c"
    controls.set_styles(["a", "b"], (0.996, 0.004), 0.0)
    assert controls.mix == "a"


def test_strength_stays_within_bounds() -> None:
    controls = make()
    for _ in range(15):
        controls.press("-", 0.0)
    assert controls.scene(0.0).strength == 0
    for _ in range(3):
        controls.press("+", 0.0)
    assert controls.scene(0.0).strength == 0.3


def test_the_split_moves_by_key_and_mouse_and_is_remembered() -> None:
    controls = make()
    controls.press(".", 0.0)
    assert controls.split is None
    controls.press("b", 0.0)
    assert controls.split == 0.5
    controls.press(".", 0.0)
    assert controls.split == pytest.approx(0.52)
    controls.click(0.8, 0.1, 0.0)
    controls.press("b", 0.0)
    controls.press("b", 0.0)
    assert controls.split == 0.8


def test_a_click_chooses_from_the_grid() -> None:
    controls = make()
    controls.press("g", 0.0)
    assert controls.scene(0.0).grid
    controls.click(0.99, 0.99, 0.0)  # where there is no fourth style
    assert controls.scene(0.0).grid
    controls.click(0.2, 0.9, 0.0)
    assert not controls.scene(0.0).grid
    assert settled(controls) == (0, 0, 1)


def test_without_a_model_style_keys_only_say_so() -> None:
    for key in ("1", "n", "p", "left", "right", "g", "R"):
        controls = Controls()
        assert controls.press(key, 0.0) is None
        assert "loaded" in controls.current_note(0.0), key
        assert controls.scene(0.0) == Scene()


def test_commands() -> None:
    controls = make()
    pressed = [controls.press(key, 0.0) for key in ("q", "escape", "R", "s", "f")]
    assert pressed == [Command.QUIT, Command.QUIT, Command.RECORD, Command.SNAPSHOT, Command.FULL_SCREEN]


@given(st.lists(st.tuples(st.sampled_from(ALL_KEYS), st.floats(0, 2)), max_size=60))
def test_weights_always_sum_to_one(presses: list[tuple[str, float]]) -> None:
    controls, now = make(cycle=1.0), 0.0
    for key, wait in presses:
        controls.press(key, now)
        now += wait
        weights = controls.scene(now).weights
        assert sum(weights) == pytest.approx(1)
        assert min(weights) >= -1e-12
        assert controls.mix


@given(st.integers(1, 300))
def test_a_grid_holds_every_style(styles: int) -> None:
    columns, rows = grid_shape(styles)
    assert (rows - 1) * columns < styles <= rows * columns
