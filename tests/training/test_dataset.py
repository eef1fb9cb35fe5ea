"""Photos: which are trained on, and the same crops for the same seed and step."""

from __future__ import annotations

import os
import random
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import HELD_OUT, photo_pixels
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from style_transfer.errors import InputFileError
from style_transfer.training import dataset
from style_transfer.training.dataset import (
    PhotoBatches,
    faded,
    find_photos,
    held_out,
    load_style_image,
    random_crop,
    range_photos,
)


def test_one_photo_in_ten_is_held_out_by_its_name(photo_folder: Path) -> None:
    train, held = find_photos(photo_folder)
    assert {path.name for path in held} == set(HELD_OUT)
    assert {path.name for path in train} == {
        "a.jpg", "b.png", "c.jpg", "d.webp", "e.jpg", "f.jpg", "g.jpg", "h.jpg", "broken.jpg", "text.png"
    }  # fmt: skip
    assert train == sorted(train)
    names = [f"photo_{i}.jpg" for i in range(2000)]
    chosen = [name for name in names if held_out(Path("anywhere") / name)]
    assert chosen == [name for name in names if zlib.crc32(name.encode()) % 10 == 0]
    assert 150 < len(chosen) < 250


@pytest.mark.skipif(os.name == "nt", reason="Windows has no names that are not Unicode")
def test_a_name_that_is_not_unicode() -> None:
    assert held_out(Path(os.fsdecode(b"caf\xe9.jpg"))) == (zlib.crc32(b"caf\xe9.jpg") % 10 == 0)


def test_a_folder_too_small_to_spare_any(tmp_path: Path) -> None:
    Image.fromarray(photo_pixels(70, 70)).save(tmp_path / "a.jpg")
    assert find_photos(tmp_path) == ([tmp_path / "a.jpg"],) * 2
    (tmp_path / "a.jpg").rename(tmp_path / HELD_OUT[0])
    assert find_photos(tmp_path) == ([tmp_path / HELD_OUT[0]],) * 2


def test_what_is_hidden_is_no_photo(tmp_path: Path) -> None:
    Image.fromarray(photo_pixels(70, 70)).save(tmp_path / "a.jpg")
    (tmp_path / "._a.jpg").write_bytes(b"what macOS knows of it")
    assert find_photos(tmp_path) == ([tmp_path / "a.jpg"],) * 2


def test_no_folder_and_no_photos(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"no folder.*name a folder of photos"):
        find_photos(tmp_path / "none")
    (tmp_path / "a.txt").touch()
    with pytest.raises(InputFileError, match=r"no images.*name a folder of photos"):
        find_photos(tmp_path)


def batches(folder: Path, seed: int = 0, rank: int = 0) -> PhotoBatches:
    return PhotoBatches(find_photos(folder)[0], 3, 64, seed=seed, rank=rank)


def test_a_batch_depends_on_seed_step_and_rank_alone(photo_folder: Path) -> None:
    first = batches(photo_folder)
    crops, skipped = first[5]
    assert crops.shape == (3, 3, 64, 64)
    assert crops.dtype == torch.uint8
    random.seed(99)
    torch.manual_seed(99)
    again, skipped_again = batches(photo_folder)[5]
    assert torch.equal(crops, again)
    assert skipped == skipped_again
    for other in (first[6][0], batches(photo_folder, seed=1)[5][0], batches(photo_folder, rank=1)[5][0]):
        assert not torch.equal(crops, other)


def test_the_loader_begins_at_any_step(photo_folder: Path) -> None:
    data = batches(photo_folder)
    loader = data.from_step(7, workers=0)
    for step in (7, 8):
        assert torch.equal(next(loader)[0], data[step][0])


def test_corrupt_photos_are_skipped_and_named(photo_folder: Path) -> None:
    data = batches(photo_folder)
    skipped = {Path(name).name for step in range(10) for name in data[step][1]}
    assert skipped == {"broken.jpg", "text.png"}
    assert all(len(data[step][0]) == 3 for step in range(10))


def test_a_batch_of_corrupt_photos_alone_is_empty(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    crops, skipped = PhotoBatches([tmp_path / "bad.jpg"], 2, 64)[0]
    assert crops.shape == (0, 3, 64, 64)
    assert len(skipped) == 40


@settings(max_examples=60)
@given(width=st.integers(1, 300), height=st.integers(1, 300), seed=st.integers(0, 10**6))
def test_a_crop_of_any_photo(width: int, height: int, seed: int) -> None:
    pixels = np.full((height, width, 3), (10, 200, 90), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "read_seen", lambda *_, **_size: pixels)
        patch.setattr(dataset, "_FADED_SHARE", 0)
        crop = random_crop(Path("x"), 64, random.Random(seed))
    assert crop.shape == (64, 64, 3)
    assert crop.flags.c_contiguous
    assert (crop == pixels[0, 0]).all()


def test_crops_show_the_photo_undistorted_in_part_and_mirrored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "_FADED_SHARE", 0)
    # Red tells the column and green the row, so a crop shows where it comes from.
    y, x = np.mgrid[0:128, 0:256]
    Image.fromarray(np.stack([x, 2 * y, 0 * x], -1).astype(np.uint8)).save(tmp_path / "a.png")
    rng, mirrored, wide, heights, bottoms = random.Random(0), 0, set(), [], []
    for _ in range(40):
        crop = random_crop(tmp_path / "a.png", 64, rng).astype(float)
        across, down = crop[32, -1, 0] - crop[32, 0, 0], (crop[-1, 32, 1] - crop[0, 32, 1]) / 2
        mirrored += across < 0
        assert 0.9 < abs(across) / down < 1.1
        heights.append(down)
        bottoms.append(crop[-1, 32, 1] / 2)
        wide.add(round(crop[..., 0].mean() / 20))
    assert 8 < mirrored < 32
    assert len(wide) > 3
    low = [bottom for bottom, height in zip(bottoms, heights, strict=True) if height < 80]
    assert min(low) < 80
    assert max(low) > 115  # and down to the last row
    # From all of the photo to a third of it, half of the crops showing less than the root of that.
    assert 128 / 3 - 3 < min(heights) < 50
    assert 110 < max(heights) < 128
    assert 62 < np.median(heights) < 86


def test_a_large_photo_is_read_reduced_and_cropped_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(photo_pixels(1104, 1504)).save(tmp_path / "a.jpg", quality=95, exif=exif)
    read: list[tuple[int, ...]] = []
    read_seen = dataset.read_seen

    def reduced(path: Path, **size: int) -> np.ndarray:
        read.append((pixels := read_seen(path, **size)).shape)
        return pixels

    def crops() -> np.ndarray:
        rng = random.Random(0)
        return np.array([random_crop(tmp_path / "a.jpg", 64, rng) for _ in range(12)], float)

    monkeypatch.setattr(dataset, "read_seen", reduced)
    found = crops()
    assert set(read) == {(188, 138, 3), (376, 276, 3), (752, 552, 3)}
    monkeypatch.setattr(dataset, "read_seen", lambda path, **_: read_seen(path))
    assert np.abs(found - crops()).mean((1, 2, 3)).max() < 2


def test_some_crops_are_faded_to_nearly_one_colour(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    rng = random.Random(0)
    contrasts = np.array([random_crop(tmp_path / "a.png", 64, rng).std((0, 1)).mean() for _ in range(200)])
    flat = contrasts < 0.35 * np.median(contrasts)
    assert 2 <= flat.sum() <= 24
    assert contrasts[~flat].min() > 0.8 * np.median(contrasts)


def test_faded_pixels_lie_between_photo_and_colour() -> None:
    pixels = np.array([[[0, 100, 255]]], np.uint8)
    assert faded(pixels, [200, 50, 5], 0.25).tolist() == [[[150, 62, 68]]]
    assert faded(pixels, [200, 50, 5], 1.0).tolist() == pixels.tolist()


def test_what_a_training_leaves_is_no_photo(photo_folder: Path, tmp_path: Path) -> None:
    picture = (photo_folder / "a.jpg").read_bytes()
    for name in ("a.jpg", "wave.preview.png", "wave.losses.png", "a.123.partial.jpg"):
        (tmp_path / name).write_bytes(picture)
    (tmp_path / "album.jpg").mkdir()
    assert find_photos(tmp_path)[0] == [tmp_path / "a.jpg"]


def test_a_strip_is_no_painting(tmp_path: Path) -> None:
    Image.new("RGB", (300, 4)).save(tmp_path / "strip.png")
    with pytest.raises(InputFileError, match="more than 12 times as long as it is wide"):
        load_style_image(tmp_path / "strip.png", 64)


def cut_out(path: Path) -> Path:
    """A brown picture; outside of it green, which nobody sees."""
    pixels = np.full((80, 80, 4), (0, 255, 0, 0), np.uint8)
    pixels[20:60, 20:60] = (120, 80, 40, 255)
    Image.fromarray(pixels).save(path)
    return path


def test_colours_that_nobody_sees_are_not_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "_FADED_SHARE", 0)
    path, seen = cut_out(tmp_path / "cut_out.png"), np.array([120, 80, 40])
    painting = load_style_image(path, 64)[0].permute(1, 2, 0).numpy()
    crops = [random_crop(path, 64, random.Random(seed)) for seed in range(4)]
    for pixels in (255 * painting, *crops, *range_photos([path])):
        assert np.abs(pixels - seen).max() < 3


def test_style_images_have_their_short_side_set(paintings: list[Path]) -> None:
    whole = np.asarray(Image.open(paintings[0]))
    assert whole.shape == (96, 112, 3)
    image = load_style_image(paintings[0], 64)
    assert image.shape == (1, 3, 64, 75)
    assert image.dtype == torch.float32
    assert 0 <= image.min() < image.max() <= 1

    part = load_style_image(paintings[0], 48, "0.25, 0.5, 1, 1")
    assert part.shape == (1, 3, 48, 84)
    assert np.abs(255 * part[0].permute(1, 2, 0).numpy() - whole[48:, 28:]).max() < 0.01
    assert load_style_image(paintings[0], 64, "0.999, 0, 1, 0.001").shape == (1, 3, 64, 64)  # one pixel
