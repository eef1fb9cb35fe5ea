"""Painting at another size than the picture's."""

from __future__ import annotations

import pytest
from helpers import make_model, photo_pixels

from style_transfer.runtime.scaled import paint_scaled, shrunk
from style_transfer.runtime.stylizer import Stylizer


@pytest.mark.parametrize(
    ("size", "scale", "expected"),
    [
        ((266, 480), 1.0, (266, 480)),
        ((266, 480), 1.4, (266, 480)),
        ((266, 480), 0.5, (136, 240)),
        ((240, 320), 0.3, (72, 96)),
        ((5, 300), 0.5, (5, 152)),
        ((5, 5), 0.9, (5, 5)),
    ],
)
def test_pictures_shrink_to_multiples_of_eight_and_never_grow(
    size: tuple[int, int], scale: float, expected: tuple[int, int]
) -> None:
    assert shrunk(photo_pixels(*size), scale).shape == (*expected, 3)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_what_a_look_keeps_of_the_photo_stays_sharp(scale: float) -> None:
    stylizer, photo = Stylizer(make_model(), device="cpu", precision="fp32"), photo_pixels(70, 90)
    painted = paint_scaled(stylizer, photo, shrunk(photo, scale), stylizer.make_look(strength=0.01))
    assert painted.shape == photo.shape
    assert abs(painted.astype(int) - photo).max() <= 3
