"""What is drawn over the picture."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import photo_pixels

from style_transfer.live import overlay


@pytest.mark.parametrize(
    "size", [(480, 640), (720, 1280), (270, 480), (640, 360), (2160, 3840), (30, 40), (1, 1)]
)
def test_everything_can_be_drawn_on_any_size(size: tuple[int, int]) -> None:
    canvas = overlay.legible(np.full((*size, 3), 90, np.uint8))
    overlay.draw_status(canvas, "30 fps  41 ms  at 72%")
    overlay.draw_recording(canvas, 3725)
    overlay.draw_note(canvas, "Die große Welle · 60%")
    overlay.draw_grid_names(canvas, ["A Sunday Afternoon on the Island", "Two", "Three", "4", "5"], 1)
    overlay.draw_help(canvas)
    assert canvas.dtype == np.uint8


def test_the_help_fits_and_can_be_read() -> None:
    for size in ((480, 640), (720, 1280), (480, 848), (640, 480)):
        canvas = np.full((*size, 3), 200, np.uint8)
        overlay.draw_help(canvas)
        changed = (canvas != 200).any(axis=2)
        assert not changed[:, 0].any()
        assert not changed[0].any()
        assert canvas.max() == 255
        assert canvas.min() < 80


def test_a_long_note_is_read_whole() -> None:
    path = "/home/somebody/recordings/recording-20260101-120000.mp4"
    text = f"cannot write '{path}': the disk is full; free some space"
    for size in ((480, 640), (640, 480)):
        canvas = np.full((*size, 3), 200, np.uint8)
        overlay.draw_note(canvas, text)
        changed = (canvas != 200).any(axis=2)
        assert changed.any()
        assert not changed[:, 0].any()
        assert not changed[:, -1].any()
        assert not changed[-1].any()
        short = np.full((*size, 3), 200, np.uint8)
        overlay.draw_note(short, "a")
        assert changed.sum(axis=0).max() >= 2 * (short != 200).any(axis=2).sum(axis=0).max()


def test_small_pictures_are_enlarged_for_text_and_the_original_stays() -> None:
    assert overlay.legible(photo_pixels(120, 160)).shape == (480, 640, 3)
    photo = photo_pixels(480, 640)
    before = photo.copy()
    overlay.draw_note(overlay.legible(photo), "x")
    assert (photo == before).all()


def test_the_split_shows_the_photo_on_the_left_and_the_painting_on_the_right() -> None:
    photo, painting = np.full((48, 64, 3), 10, np.uint8), np.full((48, 64, 3), 90, np.uint8)
    result = overlay.split(photo, painting, 0.5)
    assert (result[:, :31] == 10).all()
    assert (result[:, 33:] == 90).all()
    assert (result[:, 31:33] == 255).all()
    assert (overlay.split(photo, painting, 0.0)[:, 2:] == 90).all()
    assert (overlay.split(photo, painting, 1.0)[:, :62] == 10).all()
    assert (painting == 90).all()
