"""Some of many photos, squares, contact sheets and their letters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from style_transfer.errors import InputFileError
from style_transfer.media.font import font
from style_transfer.media.sheet import contact_sheet, read_some, square


def test_some_evenly_and_without_what_cannot_be_read(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for number, path in enumerate(paths):
        Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(path)
    assert [path.stem for path, _ in read_some(paths, 3)] == ["0", "2", "4"]
    paths[2].write_bytes(b"broken")
    skipped: list[Path] = []
    read = read_some(paths, 3, skipped.append)
    assert skipped == [paths[2]]
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


def test_a_contact_sheet_shows_every_picture_and_leaves_gaps() -> None:
    red, blue = (np.full((10, 20, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
    sheet = contact_sheet([[red, None], [blue, red]], ["one", "two"], ["a", "b"], height=30)
    assert ((sheet == (255, 0, 0)).all(2)).sum() == 2 * 30 * 60
    assert ((sheet == (0, 0, 255)).all(2)).sum() == 30 * 60
    assert (sheet[-1] == 255).all()
    bare = contact_sheet([[red, red]], ["", ""], [""], height=30)
    assert bare.shape == (36, 2 * 66 + 6, 3)
    named = contact_sheet([[red, red]], ["", ""], ["café"], height=30)
    assert (named[-36:] == bare).all()
    assert (named[:-36] < 128).any()


def test_letters_have_their_accents() -> None:
    missing = font(30).getmask("\U0010fffd")
    for letter in "éèöüßçñ·…":
        assert bytes(font(30).getmask(letter)) != bytes(missing), letter
