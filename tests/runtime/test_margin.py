"""Photos are painted as boldly at their edges as inside, at any size."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import make_model, photo_pixels

from style_transfer.runtime import margin
from style_transfer.runtime.margin import paint_with_margin
from style_transfer.runtime.stylizer import Stylizer


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer(make_model("fast", 2), device="cpu", engine="torch", precision="fp32")


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (33, 2), (61, 83)])
def test_any_size_comes_out_as_it_was(stylizer: Stylizer, size: tuple[int, int]) -> None:
    painting = paint_with_margin(stylizer, photo_pixels(*size), stylizer.look)
    assert painting.shape == (*size, 3)
    assert painting.dtype == np.uint8
    assert painting.flags.c_contiguous


def test_an_edge_is_painted_as_the_inside_of_the_photo_and_its_mirror(stylizer: Stylizer) -> None:
    photo = photo_pixels(64, 64)
    mirrored = np.pad(photo, ((64, 64), (64, 64), (0, 0)), "reflect")
    frozen = stylizer.look.frozen(stylizer.measure(photo, stylizer.look))
    inside = stylizer(mirrored, frozen)[64:-64, 64:-64].astype(int)
    errors = [
        np.abs(painting - inside).max(2)
        for painting in (paint_with_margin(stylizer, photo, frozen), stylizer(photo, frozen))
    ]
    assert errors[0][:4].mean() < 0.2 * errors[1][:4].mean()


def test_what_shows_the_photo_or_is_large_is_left_alone(
    stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, seen = photo_pixels(20, 30), []
    assert (paint_with_margin(stylizer, photo, stylizer.make_look(strength=0)) == photo).all()
    monkeypatch.setattr(margin, "_LARGE", 599)
    painting = paint_with_margin(stylizer, photo, stylizer.look, progress=seen.append)
    assert (painting == stylizer(photo)).all()
