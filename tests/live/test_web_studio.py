"""The studio, step by step in one thread."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from helpers import photo_pixels
from webpage import jpeg, near

from style_transfer.errors import UserError
from style_transfer.live.controls import Scene
from style_transfer.live.web import protocol
from style_transfer.live.web.frames import decode
from style_transfer.live.web.seat import Frame, Seat
from style_transfer.live.web.studio import Studio
from style_transfer.runtime.stylizer import Stylizer

FIRST, SECOND = Scene((1.0, 0.0, 0.0)), Scene((0.0, 1.0, 0.0))


class Sitter:
    """A seat, and what came out for it."""

    def __init__(self, studio: Studio, scene: Scene = FIRST) -> None:
        self.messages: list[bytes] = []
        self.refused: list[str] = []
        self.told: list[str] = []
        self.seat = Seat(
            scene,
            3,
            deliver=lambda message, _: self.messages.append(message),
            refuse=self.refused.append,
            tell=self.told.append,
        )
        self.studio = studio
        studio.join(self.seat)

    def show(self, photo, number: int = 1, shared: bool = False) -> None:
        self.studio.put(self.seat, Frame(number, photo, 0.0, shared))

    def got(self, kind: int = protocol.FRAME):
        """Style, number, picture of every message of that kind."""
        found = [(protocol.HEADER.unpack_from(m), decode(m[protocol.HEADER.size :])) for m in self.messages]
        return [(header[1], header[4], picture) for header, picture in found if header[0] == kind]


def run(studio: Studio) -> int:
    steps = 0
    while studio.step():
        steps += 1
    return steps


def expected(stylizer: Stylizer, photo, style: str):
    return stylizer(decode(jpeg(photo)), stylizer.make_look(style))


def test_every_seat_has_a_look_of_its_own(stylizer: Stylizer) -> None:
    studio = Studio(stylizer)
    one, two = Sitter(studio), Sitter(studio, SECOND)
    photo = photo_pixels(48, 64)
    one.show(jpeg(photo), 5)
    two.show(jpeg(photo), 9)
    assert run(studio) == 2
    ((_, number, painting),) = one.got()
    assert number == 5
    assert near(painting, expected(stylizer, photo, "great_wave"))
    assert not near(painting, expected(stylizer, photo, "starry_night"))
    ((_, number, painting),) = two.got()
    assert number == 9
    assert near(painting, expected(stylizer, photo, "starry_night"))


def test_strength_and_colours_are_the_looks(stylizer: Stylizer) -> None:
    studio = Studio(stylizer)
    sitter = Sitter(studio, Scene((1.0, 0.0, 0.0), strength=0.0))
    photo = photo_pixels(48, 64)
    sitter.show(jpeg(photo))
    run(studio)
    sitter.seat.scene = Scene((1.0, 0.0, 0.0), 0.5, True)
    sitter.show(jpeg(photo))
    run(studio)
    plain, half = (picture for _, _, picture in sitter.got())
    assert near(plain, decode(jpeg(photo)))
    look = stylizer.make_look("great_wave", strength=0.5, preserve_color=True)
    assert near(half, stylizer(decode(jpeg(photo)), look))


def test_frozen_statistics_are_each_viewers_own(stylizer: Stylizer) -> None:
    studio = Studio(stylizer, statistics="frozen")
    one, two = Sitter(studio), Sitter(studio)
    first, second = (decode(jpeg(photo_pixels(48, 64, seed))) for seed in (1, 2))
    one.show(jpeg(photo_pixels(48, 64, 1)))
    two.show(jpeg(photo_pixels(48, 64, 2)))
    run(studio)
    look = stylizer.make_look("great_wave")
    for sitter, photo in ((one, first), (two, second)):
        frozen = look.frozen(stylizer.measure(photo, look))
        assert near(sitter.got()[0][2], stylizer(photo, frozen))


def test_a_mix_in_use_keeps_its_statistics_whatever_others_try(
    stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("style_transfer.live.web.studio._STEADIES_KEPT", 2)
    studio, measured = Studio(stylizer, statistics="frozen"), []
    measure = stylizer.measure

    def noted(frame: Any, look: Any) -> Any:
        measured.append(look.parameters.shifts.tobytes())
        return measure(frame, look)

    monkeypatch.setattr(stylizer, "measure", noted)
    calm, restless = Sitter(studio), Sitter(studio)
    for number in range(4):
        restless.seat.scene = Scene((number / 4, 1 - number / 4, 0.0))
        photo = photo_pixels(48, 64)
        for sitter in (calm, restless):
            sitter.show(photo, shared=True)
        run(studio)
    assert measured.count(stylizer.make_look("great_wave").parameters.shifts.tobytes()) == 1
    assert len(measured) == 5


@pytest.mark.parametrize("statistics", ["live", "frozen"])
def test_the_warm_up_paints_as_the_frames_will_be(
    stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch, statistics: str
) -> None:
    looks = []
    paint = type(stylizer).__call__
    monkeypatch.setattr(
        type(stylizer),
        "__call__",
        lambda self, frame, look=None: looks.append(look) or paint(self, frame, look),
    )
    Studio(stylizer, statistics=statistics).warm_up((24, 32))
    assert len(looks) == 3
    assert all((look.statistics is not None) == (statistics == "frozen") for look in looks)


def test_only_the_newest_frame_is_painted(stylizer: Stylizer) -> None:
    studio = Studio(stylizer)
    sitter = Sitter(studio)
    for number in range(1, 6):
        sitter.show(jpeg(photo_pixels(24, 32, seed=number)), number)
    assert run(studio) == 1
    assert [number for _, number, _ in sitter.got()] == [5]


def test_who_left_is_not_painted(stylizer: Stylizer) -> None:
    studio = Studio(stylizer)
    sitter = Sitter(studio)
    sitter.show(jpeg(photo_pixels(24, 32)))
    studio.leave(sitter.seat)
    assert run(studio) == 0


def test_rubbish_is_refused_and_the_others_are_served(stylizer: Stylizer) -> None:
    studio = Studio(stylizer)
    bad, good = Sitter(studio), Sitter(studio)
    bad.show(b"not a picture")
    good.show(jpeg(photo_pixels(24, 32)))
    assert run(studio) == 2
    assert len(bad.refused) == 1
    assert bad.messages == []
    assert len(good.messages) == 1


def test_a_picture_that_cannot_be_painted_is_told(
    stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    studio = Studio(stylizer, notify=lines.append)
    sitter = Sitter(studio)

    def fail(*_: object) -> None:
        raise RuntimeError("out of\nmemory")

    with monkeypatch.context() as patch:
        patch.setattr(stylizer.engine, "paint", fail)
        for _ in range(3):
            sitter.show(jpeg(photo_pixels(24, 32)))
            run(studio)
    assert len(sitter.told) == 3
    assert lines == ["a frame could not be painted (out of memory)"]
    sitter.show(jpeg(photo_pixels(24, 32)))
    run(studio)
    assert len(sitter.messages) == 1


def test_thumbnails_are_the_viewers_own_picture_in_every_style_between_frames(stylizer: Stylizer) -> None:
    studio = Studio(stylizer)
    sitter = Sitter(studio)
    sitter.seat.thumbnails_from = 2
    sitter.show(jpeg(photo_pixels(60, 80, seed=1)), 1)
    assert run(studio) == 1  # too early a frame
    photo = photo_pixels(60, 80, seed=2)
    sitter.show(jpeg(photo), 2)
    studio.step()
    sitter.show(jpeg(photo), 3)
    kinds = []
    while studio.step():
        kinds.append(protocol.HEADER.unpack_from(sitter.messages[-1])[0])
    assert kinds == [protocol.THUMBNAIL, protocol.FRAME, protocol.THUMBNAIL, protocol.THUMBNAIL]
    thumbnails = sitter.got(protocol.THUMBNAIL)
    assert [style for style, _, _ in thumbnails] == [0, 1, 2]
    for (_, _, picture), style in zip(thumbnails, stylizer.model.style_names, strict=True):
        whole = expected(stylizer, photo, style).mean(axis=(0, 1))
        assert np.abs(picture.mean(axis=(0, 1)) - whole).max() < 15


def test_a_large_frame_gives_small_thumbnails(stylizer: Stylizer) -> None:
    studio = Studio(stylizer)
    sitter = Sitter(studio)
    sitter.seat.thumbnails_from = 0
    sitter.show(jpeg(photo_pixels(300, 400)))
    run(studio)
    assert {picture.shape for _, _, picture in sitter.got(protocol.THUMBNAIL)} == {(120, 160, 3)}


def test_large_frames_are_paid_for_with_turns(stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stylizer.engine, "paint", lambda frame, _: frame.copy())
    studio = Studio(stylizer)
    honest, hostile = [Sitter(studio) for _ in range(7)], Sitter(studio)
    small, large = jpeg(photo_pixels(48, 64)), jpeg(photo_pixels(480, 640))
    for number in range(400):
        for sitter in honest:
            sitter.show(small, number)
        hostile.show(large, number)
        studio.step()
    counts = [len(sitter.messages) for sitter in honest]
    assert max(counts) - min(counts) <= 1
    assert min(counts) > 50
    assert 1 <= len(hostile.messages) <= max(counts) / 10


def test_engines_prepare_for_no_size_that_changes_all_the_time(stylizer: Stylizer) -> None:
    studio, painted = Studio(stylizer, clock=lambda: 0.0), []
    sitter = Sitter(studio)
    for number in range(40):
        width = 16 + number // 4  # each size four times
        sitter.show(jpeg(photo_pixels(16, width)), number)
        run(studio)
        painted.append(sitter.got()[-1][2].shape[1] - width)
    assert painted[: 6 * 4] == [0] * (6 * 4)
    assert painted[6 * 4 :] == [0, -1, 0, -1] * 4
    sitter.show(jpeg(photo_pixels(64, 16)))  # comes once, so it may have any shape
    run(studio)
    assert sitter.got()[-1][2].shape == (64, 16, 3)


def test_a_photo_is_painted_as_it_would_be_alone(stylizer: Stylizer) -> None:
    studio = Studio(stylizer, statistics="frozen")
    sitter, look = Sitter(studio), stylizer.make_look("great_wave")
    photo = photo_pixels(48, 64)
    similar = (photo * 0.9).astype(np.uint8)  # no cut to the eye of who follows a camera
    sitter.seat.photo = True
    for number, picture in enumerate((photo, similar), 1):
        sitter.show(jpeg(picture), number)
        run(studio)
        assert near(sitter.got()[-1][2], stylizer(decode(jpeg(picture)), look))
    assert not near(stylizer(photo, look), stylizer(similar, look))


def test_a_shared_shot_is_painted_once_a_look(stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(stylizer.engine, "paint", lambda frame, _: (calls.append(1), frame.copy())[1])
    studio = Studio(stylizer)
    sitters = [Sitter(studio), Sitter(studio), Sitter(studio, SECOND)]
    for shot in (photo_pixels(48, 64), photo_pixels(48, 64, seed=1)):
        for sitter in sitters:
            sitter.show(shot, shared=True)
        run(studio)
    assert len(calls) == 4
    assert all(len(sitter.messages) == 2 for sitter in sitters)
    assert sitters[0].messages[1][12:] == sitters[1].messages[1][12:]


def test_a_shared_shot_that_cannot_be_painted_is_shown_plain(
    stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page without an answer would wait for it, and take no more shots."""

    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    studio = Studio(stylizer, notify=lambda _: None)
    sitter = Sitter(studio)
    with monkeypatch.context() as patch:
        patch.setattr(stylizer.engine, "paint", fail)
        for seed in range(3):
            sitter.show(photo_pixels(48, 64, seed=seed), shared=True)
            run(studio)
    assert len(sitter.messages) == 3
    plain = cv2.imdecode(np.frombuffer(sitter.messages[-1][protocol.HEADER.size :], np.uint8), 1)[..., ::-1]
    assert np.abs(plain.astype(int) - photo_pixels(48, 64, seed=2)).mean() < 40


def test_looks_are_checked_and_normalised(stylizer: Stylizer) -> None:
    studio = Studio(stylizer)
    scene = studio.scene(protocol.LookWanted({"great_wave": 30, "the_scream": 10}, 0.5, True))
    assert scene.weights == pytest.approx((0.75, 0.0, 0.25))
    assert (scene.strength, scene.preserve_color) == (0.5, True)
    for styles in ({"grate_wave": 1.0}, {"great_wave": 0.0}):
        with pytest.raises(UserError):
            studio.scene(protocol.LookWanted(styles, 1.0, False))


def test_the_thread_serves_and_ends(stylizer: Stylizer) -> None:
    studio = Studio(stylizer)
    sitter = Sitter(studio)
    studio.start()
    sitter.show(jpeg(photo_pixels(24, 32)))
    for _ in range(600):
        if sitter.messages:
            break
        studio._thread.join(0.1)
    studio.close()
    assert len(sitter.messages) == 1
    assert not studio._thread.is_alive()
