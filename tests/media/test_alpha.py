"""What is hidden under transparency has the colours around it."""

import numpy as np
import pytest
from helpers import photo_pixels

from style_transfer.media.alpha import fill_hidden


@pytest.mark.parametrize("size", [(90, 120), (7, 3), (1, 40), (1, 1100), (1300, 700)])
def test_hidden_colours_are_of_no_matter_and_seen_ones_stay(size: tuple[int, int]) -> None:
    photo = photo_pixels(*size, 2)
    alpha = np.full(size, 255, np.uint8)
    alpha[:, size[1] // 2 :] = 0
    filled = []
    for hidden in (0, 255):
        pixels = photo.copy()
        pixels[alpha == 0] = hidden
        fill_hidden(pixels, alpha)
        filled.append(pixels)
    assert (filled[0] == filled[1]).all()
    assert (filled[0][alpha > 0] == photo[alpha > 0]).all()
    means = [filled[0][part].mean(0) for part in (alpha > 0, alpha == 0)]
    assert np.abs(means[0] - means[1]).max() < 40


def test_a_picture_of_one_colour_is_filled_with_it() -> None:
    pixels = np.zeros((60, 80, 3), np.uint8)
    alpha = np.full((60, 80), 15, np.uint8)  # hardly seen is as good as hidden
    alpha[20:30, 50:55] = 200
    pixels[alpha > 15] = (200, 30, 90)
    fill_hidden(pixels, alpha)
    assert (np.abs(pixels.astype(int) - (200, 30, 90)) <= 1).all()


@pytest.mark.parametrize("opacity", [0, 16, 255])
def test_where_all_or_nothing_is_seen_it_stays(opacity: int) -> None:
    pixels = photo_pixels(20, 30)
    before = pixels.copy()
    fill_hidden(pixels, np.full((20, 30), opacity, np.uint8))
    fill_hidden(pixels, None)
    assert (pixels == before).all()
