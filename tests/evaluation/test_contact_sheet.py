"""Photos to measure on, paintings by name, and contact sheets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import photo_pixels
from PIL import Image

from style_transfer.errors import InputFileError
from style_transfer.evaluation.pictures import (
    contact_sheet,
    find_paintings,
    read_some,
    square,
    to_pixels,
    to_tensor,
)


def test_pixels_come_back_from_tensors() -> None:
    pixels = photo_pixels(5, 7)
    assert (to_pixels(to_tensor(pixels)) == pixels).all()
    assert (to_pixels(torch.tensor([-1.0, 0.5, 2.0]).reshape(1, 3, 1, 1)) == [0, 128, 255]).all()


def test_some_evenly_and_without_what_cannot_be_read(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for number, path in enumerate(paths):
        Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(path)
    assert [path.stem for path, _ in read_some(paths, 3)] == ["0", "2", "4"]
    paths[2].write_bytes(b"broken")
    read = read_some(paths, 3)
    assert [path.stem for path, _ in read] == ["0", "4", "1"]
    assert [int(pixels.max()) for _, pixels in read] == [0, 4, 1]
    assert len(read_some(paths, 50)) == 5
    with pytest.raises(InputFileError, match="none of 1 photos"):
        read_some(paths[2:3], 1)


def test_squares_are_the_middle() -> None:
    pixels = np.zeros((40, 100, 3), np.uint8)
    pixels[:, 30:70] = 200
    assert (square(pixels, 20)[2:-2, 2:-2] >= 198).all()
    assert square(pixels, 64).shape == (64, 64, 3)


def test_paintings_by_name(tmp_path: Path) -> None:
    for name in ("wave.png", "scream.jpg", "other.jpg"):
        Image.fromarray(photo_pixels(8, 8)).save(tmp_path / name)
    found = find_paintings([tmp_path], ["scream", "wave"])
    assert found == {"scream": tmp_path / "scream.jpg", "wave": tmp_path / "wave.png"}
    assert list(found) == ["scream", "wave"]
    with pytest.raises(InputFileError, match="no painting named wave"):
        find_paintings([tmp_path / "scream.jpg"], ["scream", "wave"])
    with pytest.raises(InputFileError, match="there is no painting"):
        find_paintings([tmp_path / "no.jpg"], ["scream"])


def test_a_contact_sheet_shows_every_picture_and_leaves_gaps() -> None:
    red, blue = (np.full((10, 20, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
    sheet = contact_sheet([[red, None], [blue, red]], ["one", "two"], ["a", "b"], height=30)
    assert ((sheet == (255, 0, 0)).all(2)).sum() == 2 * 30 * 60
    assert ((sheet == (0, 0, 255)).all(2)).sum() == 30 * 60
    assert (sheet[-1] == 255).all()
