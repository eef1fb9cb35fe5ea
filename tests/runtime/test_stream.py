"""Streams: the same pictures as one by one, in order, and threads that end whatever happens."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from helpers import make_model, photo_pixels

from style_transfer.errors import UserError
from style_transfer.runtime.stream import overlapped
from style_transfer.runtime.stylizer import Stylizer


@pytest.fixture
def stylize() -> Stylizer:
    return Stylizer(make_model(), device="cpu", precision="fp32", engine="torch")


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("stage")]


def test_frames_of_changing_sizes_come_as_one_by_one_and_in_order(stylize: Stylizer) -> None:
    frames = [photo_pixels(20 + 3 * n, 40 - 2 * n, n) for n in range(8)]
    for look in (stylize.look, replace(stylize.look, strength=0.4, preserve_color=True)):
        stylize.look = look
        for painted, frame in zip(stylize.stream(frames), frames, strict=True):
            assert np.array_equal(painted, stylize(frame))
    stylize.look = replace(stylize.look, strength=0.0)
    (same,) = stylize.stream(frames[:1])
    assert np.array_equal(same, frames[0])
    assert same is not frames[0]
    assert list(stylize.stream([])) == []


def test_a_style_set_in_between_shows_soon(stylize: Stylizer) -> None:
    frame = photo_pixels(24, 32)
    first = stylize(frame)
    stylize.set_style("the_scream")
    second = stylize(frame)
    stylize.set_style("great_wave")
    stream = stylize.stream(itertools.repeat(frame))
    assert np.array_equal(next(stream), first)
    stylize.set_style("the_scream")
    assert any(np.array_equal(painted, second) for painted in itertools.islice(stream, 5))
    assert np.array_equal(next(stream), second)
    stream.close()


def test_errors_come_in_their_turn(stylize: Stylizer) -> None:
    frame = photo_pixels(24, 32)
    stream = stylize.stream([frame, frame, np.zeros((2, 2)), frame])
    assert len(list(itertools.islice(stream, 2))) == 2
    with pytest.raises(UserError, match="a frame is"):
        next(stream)
    with pytest.raises(StopIteration):
        next(stream)

    def broken() -> Iterator[np.ndarray]:
        yield frame
        raise OSError("unplugged")

    stream = stylize.stream(broken())
    next(stream)
    with pytest.raises(OSError, match="unplugged"):
        next(stream)


def test_no_more_is_taken_than_is_needed_and_closing_ends_it() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    stream = overlapped(endless(), lambda n: n + 1, str)
    assert [next(stream) for _ in range(3)] == ["1", "2", "3"]
    stream.close()
    assert 3 <= len(taken) <= 3 + 3


def test_stages_overlap() -> None:
    together = threading.Barrier(3, timeout=30)  # source and both stages meet, or it raises

    def source() -> Iterator[int]:
        for number in range(6):
            if number >= 2:
                together.wait()
            yield number

    def first(n: int) -> int:
        if 1 <= n <= 4:
            together.wait()
        return n

    def second(n: int) -> int:
        if n <= 3:
            together.wait()
        return n

    assert list(overlapped(source(), first, second)) == list(range(6))
