"""From shots to paintings, step by step in one thread."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from helpers import make_model, photo_pixels

from style_transfer.errors import StyleTransferError
from style_transfer.live.controls import BINDINGS, Controls, Scene
from style_transfer.live.painter import Painter
from style_transfer.media.camera import Shot
from style_transfer.media.mailbox import Mailbox
from style_transfer.runtime.steady import Steady
from style_transfer.runtime.stylizer import Stylizer

FIRST = Scene(weights=(1.0, 0.0, 0.0))


class Bench:
    """A painter whose shots are put by hand."""

    def __init__(self, stylizer: Stylizer | None, scene: Scene = FIRST) -> None:
        self.shots: Mailbox[Shot] = Mailbox()
        self.lines: list[str] = []
        self.now = 0.0
        self.painter = Painter(self.shots, 30, notify=self.lines.append, clock=lambda: self.now)
        self.painter.stylizer = stylizer
        self.painter.scene = scene

    def paint(self, photo):
        self.shots.put(Shot(photo, self.now))
        return self.painter.step()


def test_without_a_network_the_photo_comes_back_plain() -> None:
    photo = photo_pixels(24, 32)
    painted = Bench(None).paint(photo)
    assert (painted.painting == photo).all()
    assert not painted.styled


def test_a_frame_is_painted_as_the_stylizer_would(stylizer: Stylizer) -> None:
    photo = photo_pixels(24, 32)
    painted = Bench(stylizer).paint(photo)
    assert painted.styled
    assert painted.fresh
    assert (painted.painting == stylizer(photo, stylizer.make_look("great_wave"))).all()


def test_strength_and_colours_are_as_asked(stylizer: Stylizer) -> None:
    photo, look = photo_pixels(24, 32), {"strength": 0.5, "preserve_color": True}
    painted = Bench(stylizer, Scene(weights=(1.0, 0.0, 0.0), **look)).paint(photo)
    assert (painted.painting == stylizer(photo, stylizer.make_look("great_wave", **look))).all()


def test_no_frame_is_painted_twice_as_new(stylizer: Stylizer) -> None:
    bench = Bench(stylizer)
    assert bench.paint(photo_pixels(24, 32)).fresh
    assert bench.painter.step() is None
    bench.painter.scene = Scene(weights=(0.0, 1.0, 0.0))
    again = bench.painter.step()
    assert again is not None
    assert not again.fresh
    assert bench.painter.step() is None


def test_frozen_the_last_shot_stays_and_can_change_its_style_and_side(stylizer: Stylizer) -> None:
    bench = Bench(stylizer)
    photo = photo_pixels(24, 32)
    first = bench.paint(photo)
    bench.painter.scene = Scene(weights=(1.0, 0.0, 0.0), frozen=True, mirror=True)
    mirrored = bench.paint(photo_pixels(24, 32, seed=5))
    assert (mirrored.photo == photo[:, ::-1]).all()
    assert not mirrored.fresh
    assert (mirrored.painting != first.painting).any()


def test_a_smaller_working_size_keeps_the_size_of_the_result(stylizer: Stylizer) -> None:
    bench = Bench(stylizer)
    bench.painter.adapter.start(0.2)
    painted = bench.paint(photo_pixels(99, 131))
    assert painted.scale < 0.5
    assert painted.painting.shape == (99, 131, 3)
    bench.painter.scene = Scene(weights=(1.0, 0.0, 0.0), strength=0.0)
    assert (bench.paint(photo_pixels(99, 131)).painting == photo_pixels(99, 131)).all()


def test_what_is_not_painted_makes_no_picture_larger(
    stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, seen = Bench(stylizer), []
    monkeypatch.setattr(bench.painter.adapter, "observe", lambda *times: seen.append(times))
    for strength, observed in ((0.5, 1), (0.0, 1), (1.0, 2)):
        bench.painter.scene = Scene(weights=(1.0, 0.0, 0.0), strength=strength)
        bench.paint(photo_pixels(24, 32))
        assert len(seen) == observed


@pytest.mark.parametrize("faster", [True, False])
@pytest.mark.parametrize("wanted", ["live", "frozen", "auto"])
def test_statistics_are_followed_where_it_is_wanted_or_pays(
    stylizer: Stylizer, wanted: str, faster: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stylizer, "frozen_is_much_faster", faster)
    bench = Bench(None)
    bench.painter = Painter(bench.shots, 30, statistics=wanted)
    bench.painter.use(stylizer, (24, 32))
    bench.painter.adapter.start(0.0)
    bench.painter.scene = FIRST
    photos = [photo_pixels(24, 32), photo_pixels(24, 32, seed=3)]
    photos[1] = (0.9 * photos[0] + 0.1 * photos[1]).astype(np.uint8)  # the same scene
    painted = []
    for bench.now, photo in enumerate(photos):
        painted.append(bench.paint(photo).painting)
    look = stylizer.make_look("great_wave")
    steady = Steady(stylizer)
    frozen = wanted == "frozen" or (wanted == "auto" and faster)
    for now, (result, photo) in enumerate(zip(painted, photos, strict=True)):
        followed = steady.follow(photo, [look], seconds=now)
        assert np.array_equal(result, stylizer(photo, followed if frozen else look))
    assert (stylizer(photos[1], followed) != stylizer(photos[1], look)).any()


def test_a_fade_measures_its_two_ends_once_and_comes_to_the_same_paintings(stylizer, monkeypatch) -> None:
    controls = Controls()
    controls.set_styles(stylizer.model.style_names, FIRST.weights, 0.0)
    bench = Bench(stylizer)
    bench.painter._steady = Steady(stylizer)
    photo = photo_pixels(24, 32)
    bench.paint(photo)
    measured = []
    real = stylizer.measure
    monkeypatch.setattr(stylizer, "measure", lambda *given: measured.append(1) or real(*given))
    controls.press("2", 0.0)
    paintings = []
    for n in range(8):  # more than the fade takes, fewer than statistics hold
        bench.now = n / 16
        bench.painter.scene = controls.scene(bench.now)
        paintings.append(bench.paint(photo).painting)
    assert len(measured) == 1
    for style, painting in (("great_wave", paintings[0]), (stylizer.model.style_names[1], paintings[-1])):
        look = stylizer.make_look(style)
        assert (painting == stylizer(photo, look.frozen(real(photo, look)))).all()
    assert len({painting.tobytes() for painting in paintings}) == 8


def test_the_grid_shows_every_style_in_its_cell(stylizer: Stylizer) -> None:
    painted = Bench(stylizer, Scene(weights=(1.0, 0.0, 0.0), grid=True)).paint(photo_pixels(48, 64))
    assert painted.painting.shape == (48, 64, 3)
    cells = [painted.painting[:24, :32], painted.painting[:24, 32:], painted.painting[24:, :32]]
    means = [cell.mean(axis=(0, 1)) for cell in cells]
    assert all(np.abs(a - b).max() > 2 for a, b in itertools.pairwise(means))
    assert (painted.painting[24:, 32:] == 32).all()


def test_the_grid_shows_the_middle_of_the_photo_in_its_own_shape() -> None:
    stylizer = Stylizer(make_model(styles=2), device="cpu", precision="fp32")  # two cells, each half as wide
    bench = Bench(stylizer, Scene(weights=(1.0, 0.0), grid=True, preserve_color=True))
    photo = photo_pixels(48, 64)
    photo[:, 16:48] = photo[:, 16:48].mean(axis=2, keepdims=True)
    painting = bench.paint(photo).painting
    assert np.ptp(painting, axis=2).max() <= 2  # grey: of the photo's colours, which lie outside, nothing
    assert (painting[:, :32] != painting[:, 32:]).any()
    photo[:, :16] = photo[:, 48:] = 255
    again = bench.paint(photo).painting.astype(int)
    assert np.abs(again - painting).max() <= 1  # by another graph, as the size came twice


def test_a_failing_frame_is_shown_plain_with_one_line_and_many_end_it(
    stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(stylizer)
    photo = photo_pixels(24, 32)

    def fail(*_: object) -> None:
        raise RuntimeError("out of\nmemory")

    with monkeypatch.context() as patch:
        patch.setattr(stylizer.engine, "paint", fail)
        for _ in range(29):
            assert (bench.paint(photo).painting == photo).all()
    assert (bench.paint(photo).painting != photo).any()  # it works again, and the count starts anew
    monkeypatch.setattr(stylizer.engine, "paint", fail)
    for _ in range(29):
        bench.paint(photo)
    assert [line.count("out of memory") for line in bench.lines] == [1, 1]
    with pytest.raises(StyleTransferError, match=r"30 frames in a row .*out of memory"):
        bench.paint(photo)


def test_a_black_painting_never_gets_out(stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(stylizer)
    monkeypatch.setattr(stylizer.engine, "paint", lambda frame, _: np.zeros_like(frame))
    photo = photo_pixels(24, 32)
    assert (bench.paint(photo).painting == photo).all()
    assert "black" in bench.lines[0]
    dark = np.zeros_like(photo)
    assert (bench.paint(dark).painting == 0).all()  # a dark room is no failure
    assert len(bench.lines) == 1


def test_a_thousand_random_keys_never_crash_and_never_show_black(stylizer: Stylizer) -> None:
    rng = random.Random(1)
    keys = [key for binding in BINDINGS for key in binding.keys if key not in "qrsf"]
    controls = Controls()
    controls.set_styles(stylizer.model.style_names, (1.0, 0.0, 0.0), 0.0)
    bench = Bench(stylizer)
    photo = photo_pixels(16, 24)
    for _ in range(1000):
        controls.press(rng.choice(keys), bench.now)
        controls.click(rng.random(), rng.random(), bench.now)
        bench.painter.scene = controls.scene(bench.now)
        painted = bench.paint(photo)
        if painted is not None:
            assert painted.painting.shape == photo.shape
            assert painted.painting[::4, ::4].max() > 8
        bench.now += rng.random() * 0.2
    assert bench.lines == []


def test_the_thread_ends_with_the_shots(stylizer: Stylizer) -> None:
    bench = Bench(stylizer)
    bench.painter.start()
    bench.shots.put(Shot(photo_pixels(24, 32), 0.0))
    assert bench.painter.pictures.take(30) is not None
    bench.shots.close()
    assert bench.painter.pictures.take(30) is None
    assert bench.painter.pictures.ended
    bench.painter.close()
