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


class Paint(Steady):
    """Called with frames in order, paints them."""

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        return self._stylizer(frame, self.follow(frame, [self._stylizer.look]))


SCENE, OTHER = photo_pixels(64, 96, seed=1), 255 - photo_pixels(64, 96, seed=1)
BLACK = np.zeros_like(SCENE)
HALF_A_SECOND = round(25 * steady._MEASURE_EVERY)  # frames, where nobody tells the time


def test_the_first_frame_is_painted_with_its_own_statistics(stylizer, measured):
    painted = Paint(stylizer)(SCENE)
    assert len(measured) == 1
    assert np.abs(painted.astype(int) - stylizer(SCENE)).max() <= 1


def test_grain_in_a_black_beginning_is_not_painted(stylizer, measured):
    paint = Paint(stylizer)
    grain = [np.random.default_rng(seed).integers(0, 6, (200, 320, 3), np.uint8) for seed in (1, 2)]
    first, second = (paint(frame).astype(int) for frame in grain)
    assert np.abs(first - stylizer(BLACK)[0, 0]).max() <= 1
    assert np.abs(second - first).max() <= 1
    stars = grain[0].copy()
    stars[20:23, 30:33] = 200
    dim = photo_pixels(200, 320) // 40
    assert paint(stars).std(axis=(0, 1)).max() > 5
    assert paint(dim).std(axis=(0, 1)).max() > 5
    assert not measured


def test_a_pass_to_measure_is_rare(stylizer, measured):
    paint = Paint(stylizer)
    for _ in range(1 + 3 * HALF_A_SECOND):
        paint(SCENE)
    assert len(measured) == 4


def test_what_enters_on_the_right_leaves_the_left_alone(stylizer, measured):
    wide = photo_pixels(64, 240, seed=3)
    entered = wide.copy()
    entered[:, 216:] = 255
    far = slice(0, 216 - stylizer.model.network.plan.reach)
    live = [stylizer(frame)[:, far].astype(int) for frame in (wide, entered)]
    assert np.abs(live[1] - live[0]).mean() > 0.5
    paint = Paint(stylizer)
    steadied = [paint(frame)[:, far] for frame in (wide, entered)]
    assert (steadied[1] == steadied[0]).all()
    assert len(measured) == 1


def test_a_cut_takes_new_statistics_at_once(stylizer, measured):
    paint = Paint(stylizer)
    paint(SCENE)
    paint(SCENE)
    painted = paint(OTHER)
    assert len(measured) == 2
    assert np.abs(painted.astype(int) - stylizer(OTHER)).max() <= 1


def test_a_cut_at_night_is_one_too(stylizer, measured):
    paint, night, other = Paint(stylizer), SCENE // 5, OTHER // 5
    assert np.abs(night.astype(int) - other).mean() < 255 * steady._CUT
    paint(night)
    paint(np.roll(night, 2, 1))  # what moves is none
    assert len(measured) == 1
    painted = paint(other)
    assert len(measured) == 2
    assert np.abs(painted.astype(int) - stylizer(other)).max() <= 1


def test_where_the_lights_go_on_it_is_a_cut(stylizer, measured):
    paint = Paint(stylizer)
    paint(SCENE)
    paint(np.clip(SCENE.astype(int) + 60, 0, 255).astype(np.uint8))
    assert len(measured) == 2


@pytest.mark.usefixtures("measured")
def test_dark_without_anything_in_it_is_no_cut(stylizer):
    paint, look = Steady(stylizer), stylizer.look
    night = paint.follow(SCENE // 8, [look]).statistics
    dark = np.random.default_rng(0).integers(0, 4, SCENE.shape, np.uint8)
    assert np.array_equal(paint.follow(dark, [look]).statistics.means, night.means)


@pytest.mark.parametrize("fps", [4, 25, 100])
def test_time_counts_and_not_frames(stylizer, measured, fps):
    paint, look = Paint(stylizer), stylizer.look
    brighter = np.clip(SCENE.astype(int) + 20, 0, 255).astype(np.uint8)  # no cut
    start, target = (stylizer.measure(frame, look).means for frame in (SCENE, brighter))
    measured.clear()
    paint.follow(SCENE, [look], seconds=-1 / fps)
    for number in range(2 * fps + 1):
        now = paint.follow(brighter, [look], seconds=number / fps).statistics.means
    left = float(np.abs(now - target).mean() / np.abs(start - target).mean())
    assert 0.1 < left < 0.28  # after two seconds, of which at most the first half went by unmeasured
    assert 4 <= len(measured) <= 1 + 2 / steady._MEASURE_EVERY


@pytest.mark.usefixtures("measured")
def test_after_a_pause_nothing_jumps(stylizer):
    paint, look = Paint(stylizer), stylizer.look
    brighter = np.clip(SCENE.astype(int) + 20, 0, 255).astype(np.uint8)
    before = paint.follow(SCENE, [look], seconds=0).statistics.means
    after = paint.follow(brighter, [look], seconds=3600).statistics.means
    gone = np.abs(after - before).mean() / np.abs(stylizer.measure(brighter, look).means - before).mean()
    assert gone == pytest.approx(1 - np.exp(-1 / steady._FOLLOW), abs=0.01)


@pytest.mark.usefixtures("measured")
def test_a_clock_that_goes_back_moves_nothing(stylizer):
    paint, look = Steady(stylizer), stylizer.look
    brighter = np.clip(SCENE.astype(int) + 20, 0, 255).astype(np.uint8)
    paint.follow(SCENE, [look], seconds=0)
    before = paint.follow(brighter, [look], seconds=1).statistics.means
    after = paint.follow(brighter, [look], seconds=0.5).statistics.means
    assert np.array_equal(after, before)


def test_black_frames_are_never_the_reference(stylizer, measured):
    paint = Paint(stylizer)
    for frame in (BLACK, BLACK, SCENE // 20):  # or as good as black
        assert (paint(frame) == stylizer(frame)).all()
    assert measured == []
    paint(SCENE)
    assert len(measured) == 1
    assert (measured[0] == SCENE).all()


def test_a_film_that_comes_out_of_black_is_not_burnt_out(stylizer, measured):
    paint, errors = Paint(stylizer), []
    for share in np.linspace(0, 1, 25):
        frame = np.rint(SCENE * share).astype(np.uint8)
        errors.append(np.abs(paint(frame).astype(int) - stylizer(frame)).mean())
    dark = stylizer.look.frozen(stylizer.measure(np.rint(SCENE / 8).astype(np.uint8), stylizer.look))
    burnt_out = np.abs(stylizer(SCENE, dark).astype(int) - stylizer(SCENE)).mean()
    assert max(errors) < 0.5 * burnt_out
    assert np.mean(errors) < 0.25 * burnt_out
    assert 8 < len(measured) < 26


def test_a_film_that_goes_to_black_keeps_its_palette(stylizer, measured):
    paint = Paint(stylizer)
    for share in np.linspace(1, 0, HALF_A_SECOND):
        paint(np.rint(SCENE * share).astype(np.uint8))
    assert len(measured) == 1


def test_another_style_has_statistics_of_its_own(stylizer, measured):
    paint = Paint(stylizer)
    paint(SCENE)
    stylizer.set_style("starry_night")
    painted = paint(SCENE)
    assert len(measured) == 2
    assert np.abs(painted.astype(int) - stylizer(SCENE)).max() <= 1


@pytest.mark.usefixtures("measured")
def test_statistics_move_slowly_towards_what_was_measured(stylizer):
    paint, look = Paint(stylizer), stylizer.look
    start = paint.follow(SCENE, [look]).statistics.means
    shifted = np.clip(SCENE.astype(int) + 20, 0, 255).astype(np.uint8)  # no cut
    target = stylizer.measure(shifted, look).means
    distances = []
    for _ in range(80):
        now = paint.follow(shifted, [look]).statistics.means
        distances.append(float(np.abs(now - target).mean()))
    assert distances[-1] < 0.1 * float(np.abs(start - target).mean())
    assert max(np.diff(distances)) <= 1e-6


def test_between_two_looks_lie_the_statistics_of_both(stylizer, measured):
    paint, looks = Paint(stylizer), [stylizer.make_look("great_wave"), stylizer.make_look("starry_night")]
    ends = [stylizer.measure(SCENE, look) for look in looks]
    measured.clear()
    paint.follow(SCENE, looks[:1])
    quarter = paint.follow(SCENE, looks, 0.25)
    for name in ("means", "variances"):
        first, second = (getattr(end, name) for end in ends)
        np.testing.assert_allclose(
            getattr(quarter.statistics, name), 0.75 * first + 0.25 * second, 1e-5, 1e-6
        )
    paint.follow(SCENE, looks, 0.5)
    paint.follow(SCENE, looks[1:])
    assert len(measured) == 2
    paint.follow(SCENE, looks[:1])  # long forgotten
    assert len(measured) == 3


def test_its_state_goes_on_elsewhere_to_the_bit(stylizer, measured):
    frames = [np.roll(SCENE, shift, 1) for shift in range(0, 60, 2)]
    looks = [stylizer.make_look("great_wave"), stylizer.make_look("starry_night")]
    paint = Paint(stylizer)
    for frame in frames[:10]:
        paint.follow(frame, looks, 0.5)
    other = Paint(stylizer)
    other.restore(paint.state())
    count = len(measured)
    for frame in frames[10:]:
        ours, theirs = (p.follow(frame, looks, 0.7).statistics for p in (paint, other))
        assert np.array_equal(ours.means, theirs.means)
        assert np.array_equal(ours.variances, theirs.variances)
    assert len(measured) == count + 2 * 2 * 2  # both, twice, both looks


@pytest.mark.usefixtures("measured")
def test_its_clock_goes_on_elsewhere(stylizer):
    one, other, look = Steady(stylizer), Steady(stylizer), stylizer.look
    brighter = np.clip(SCENE.astype(int) + 20, 0, 255).astype(np.uint8)
    for seconds, frame in ((0.0, SCENE), (0.6, brighter)):
        one.follow(frame, [look], seconds=seconds)
    other.restore(one.state())
    ours, theirs = (paint.follow(brighter, [look], seconds=0.9).statistics.means for paint in (one, other))
    assert np.array_equal(ours, theirs)


def test_an_empty_state_is_a_beginning(stylizer):
    paint = Paint(stylizer)
    paint.restore(Paint(stylizer).state())
    assert (paint(SCENE) == Paint(stylizer)(SCENE)).all()
