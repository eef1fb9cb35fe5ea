"""The photo's colours in the painting's light."""

import cv2
import numpy as np
import pytest

from style_transfer.runtime.color import with_colors_of


def _gray(picture):
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(int)


def test_the_luminance_is_the_paintings_whatever_the_colour():
    photo, painting = np.random.default_rng(0).integers(0, 256, (2, 300, 700, 3), np.uint8)
    result = with_colors_of(photo, painting)
    assert np.abs(_gray(result) - _gray(painting)).max() <= 1


@pytest.mark.parametrize("level", [8, 40, 120, 230])
def test_a_colour_that_is_not_to_be_had_so_light_or_dark_becomes_paler_not_another(level):
    photo = np.full((200, 700, 3), (250, 120, 10), np.uint8)  # orange: red most, blue least
    painting = np.full((200, 700, 3), level, np.uint8)
    red, green, blue = with_colors_of(photo, painting)[0, 0].astype(float)
    assert red > green > blue
    assert (green - blue) / (red - blue) == pytest.approx(110 / 240, abs=0.1)


def test_a_picture_in_its_own_light_is_itself():
    photo = np.random.default_rng(1).integers(32, 224, (300, 700, 3), np.uint8)
    assert np.abs(with_colors_of(photo, photo).astype(int) - photo).max() <= 3
