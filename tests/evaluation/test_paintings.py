"""Paintings by the names of styles."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import photo_pixels
from PIL import Image

from style_transfer.errors import InputFileError
from style_transfer.evaluation.paintings import find_paintings


def test_paintings_by_name(tmp_path: Path) -> None:
    for name in ("wave.png", "scream.jpg", "other.jpg"):
        Image.fromarray(photo_pixels(8, 8)).save(tmp_path / name)
    found = find_paintings([tmp_path], ["scream", "wave"])
    assert found == {"scream": tmp_path / "scream.jpg", "wave": tmp_path / "wave.png"}
    assert list(found) == ["scream", "wave"]
    decomposed = (tmp_path / "other.jpg").rename(tmp_path / "mu\u0308hle.jpg")
    assert find_paintings([tmp_path], ["m\u00fchle"]) == {"m\u00fchle": decomposed}
    with pytest.raises(InputFileError, match="no painting named wave"):
        find_paintings([tmp_path / "scream.jpg"], ["scream", "wave"])
    with pytest.raises(InputFileError, match="there is no painting"):
        find_paintings([tmp_path / "no.jpg"], ["scream"])
