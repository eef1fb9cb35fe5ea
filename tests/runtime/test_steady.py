"""Statistics that follow a film: measured rarely, never on flat frames, anew at cuts and for other styles."""

import numpy as np
import pytest
from helpers import make_model, photo_pixels

from style_transfer.runtime import steady
from style_transfer.runtime.steady import Steady
from style_transfer.runtime.stylizer import Stylizer


@pytest.fixture(scope="module")
def stylizer():
    return Stylizer(make_model("fast", 2), device="cpu", engine="torch", precision="fp32")


@pytest.fixture
def measured(stylizer, monkeypatch):
    """The frames whose statistics were taken."""
    frames = []
    engine = stylizer.engine
    original = type(engine).measure
    monkeypatch.setattr(
        engine, "measure", lambda f, look: frames.append(f) or original(engine, f, look), False
    )
    stylizer.set_style("great_wave")
    return frames


SCENE, OTHER = photo_pixels(64, 96, seed=1), 255 - photo_pixels(64, 96, seed=1)
BLACK = np.zeros_like(SCENE)


def test_the_first_frame_is_painted_with_its_own_statistics(stylizer, measured):
    painted = Steady(stylizer)(SCENE)
    assert len(measured) == 1
    assert np.abs(painted.astype(int) - stylizer(SCENE)).max() <= 1


def test_a_pass_to_measure_is_rare(stylizer, measured):
    paint = Steady(stylizer)
    for _ in range(1 + 3 * steady._MEASURE_EVERY):
        paint(SCENE)
    assert len(measured) == 4


def test_what_enters_on_the_right_leaves_the_left_alone(stylizer, measured):
    wide = photo_pixels(64, 240, seed=3)
    entered = wide.copy()
    entered[:, 216:] = 255
    far = slice(0, 216 - stylizer.model.network.reach)
    live = [stylizer(frame)[:, far].astype(int) for frame in (wide, entered)]
    assert np.abs(live[1] - live[0]).mean() > 0.5
    paint = Steady(stylizer)
    steadied = [paint(frame)[:, far] for frame in (wide, entered)]
    assert (steadied[1] == steadied[0]).all()
    assert len(measured) == 1


def test_a_cut_takes_new_statistics_at_once(stylizer, measured):
    paint = Steady(stylizer)
    paint(SCENE)
    paint(SCENE)
    painted = paint(OTHER)
    assert len(measured) == 2
    assert np.abs(painted.astype(int) - stylizer(OTHER)).max() <= 1


def test_black_frames_are_never_the_reference(stylizer, measured):
    paint = Steady(stylizer)
    for _ in range(5):
        assert (paint(BLACK) == stylizer(BLACK)).all()
    assert measured == []
    paint(SCENE)
    assert len(measured) == 1
    assert (measured[0] == SCENE).all()


def test_another_style_has_statistics_of_its_own(stylizer, measured):
    paint = Steady(stylizer)
    paint(SCENE)
    stylizer.set_style("starry_night")
    painted = paint(SCENE)
    assert len(measured) == 2
    assert np.abs(painted.astype(int) - stylizer(SCENE)).max() <= 1


@pytest.mark.usefixtures("measured")
def test_statistics_move_slowly_towards_what_was_measured(stylizer):
    paint = Steady(stylizer)
    paint(SCENE)
    start = paint._current.means.clone()
    shifted = np.clip(SCENE.astype(int) + 20, 0, 255).astype(np.uint8)  # no cut
    distances = []
    for _ in range(80):
        paint(shifted)
        target = stylizer.measure(shifted, stylizer.look).means
        distances.append(float((paint._current.means - target).abs().mean()))
    assert distances[-1] < 0.1 * float((start - target).abs().mean())
    assert max(np.diff(distances)) <= 1e-6
