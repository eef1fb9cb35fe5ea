"""Reading: the pixels upright, EXIF kept, animations whole, sizes as asked."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import noise, only_frame, smooth
from PIL import ExifTags, Image, ImageCms, ImageOps

from style_transfer.errors import UserError
from style_transfer.media.image import Picture, read_image, read_seen, read_still, resize_long_side

SIDES = st.integers(1, 40)


@given(SIDES, SIDES)
def test_a_png_is_read_exactly_at_any_size(folder: Path, height: int, width: int) -> None:
    pixels = noise(height, width)
    Image.fromarray(pixels).save(folder / "any.png")
    picture = read_image(folder / "any.png")
    np.testing.assert_array_equal(only_frame(picture), pixels)
    assert picture.alphas == [None]
    assert picture.exif is None


def test_strips_join_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("style_transfer.media.pixels._STRIP_PIXELS", 50)
    pixels = noise(23, 17, 4)
    pixels[:10, :, 3] = 255  # the first strips are opaque, the later ones are not
    Image.fromarray(pixels).save(tmp_path / "a.png")
    picture = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(only_frame(picture), pixels[..., :3])
    np.testing.assert_array_equal(picture.alphas[0], pixels[..., 3])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff", ".webp"])
def test_orientation_is_applied_once(tmp_path: Path, orientation: int, suffix: str) -> None:
    stored = Image.fromarray(smooth(24, 40))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "camera"
    lossless = {"lossless": True} if suffix == ".webp" else {}
    stored.save(tmp_path / f"a{suffix}", exif=exif, **lossless)
    with Image.open(tmp_path / f"a{suffix}") as again:
        again.load()
        expected = np.asarray(ImageOps.exif_transpose(again).convert("RGB"))

    picture = read_image(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(only_frame(picture), expected)
    assert picture.size == ((40, 24) if orientation >= 5 else (24, 40))
    kept = Image.Exif()
    kept.load(picture.exif)
    assert dict(kept) == {ExifTags.Base.Make: "camera"}


def test_what_a_scanner_noted_turns_with_the_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(noise(6, 8)).save(tmp_path / "a.jpg", dpi=(300, 150), exif=exif)
    assert read_image(tmp_path / "a.jpg").dpi == (150, 300)
    Image.fromarray(noise(6, 8)).save(tmp_path / "b.jpg", dpi=(0, 0))
    assert read_image(tmp_path / "b.jpg").dpi is None


def test_alpha_turns_with_the_picture(tmp_path: Path) -> None:
    pixels = noise(5, 9, 4)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    picture = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.alphas[0], np.rot90(pixels[..., 3], -1))


@pytest.mark.parametrize("suffix", [".tiff", ".jpg", ".png", ".webp"])
def test_exif_keeps_what_still_holds(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ada"
    exif[ExifTags.Base.Orientation] = 8
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {ExifTags.Base.ExposureTime: 0.25, ExifTags.Base.ExifImageWidth: 999}
    )
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(smooth(8, 9)).save(tmp_path / f"a{suffix}", exif=exif.tobytes(), icc_profile=profile)
    kept = Image.Exif()
    kept.load(read_image(tmp_path / f"a{suffix}").exif)
    assert kept[ExifTags.Base.Artist] == "Ada"
    stored = ("Orientation", "ImageWidth", "StripOffsets", "InterColorProfile")
    for tag in (ExifTags.Base[name] for name in stored):
        assert tag not in kept
    details = kept.get_ifd(ExifTags.IFD.Exif)
    assert dict(details) == {ExifTags.Base.ExposureTime: 0.25}
    assert dict(kept.get_ifd(ExifTags.IFD.GPSInfo)) == {ExifTags.GPS.GPSLatitudeRef: "N"}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("after_it", [b"", b"more"], ids=["last", "in the middle"])
def test_exif_loses_its_thumbnail_and_no_letter(tmp_path: Path, order: str, after_it: bytes) -> None:
    name, thumbnail = "Zoë\0".encode(), b"the thumbnail"
    main, names, second = 8, 8 + 2 + 24 + 4, 50
    block = struct.pack(order + "HI", 42, main)
    block += struct.pack(order + "HHHIHHHHI4sI", 2, 274, 3, 1, 6, 0, 315, 2, len(name), b"\0\0\0\0", second)
    block = bytearray({"<": b"II", ">": b"MM"}[order] + block)
    struct.pack_into(order + "I", block, main + 2 + 12 + 8, names)
    block = block.ljust(names, b"\0") + name
    block = block.ljust(second, b"\0")
    start = second + 2 + 24 + 4
    block += struct.pack(order + "HHHIIHHIII", 2, 513, 4, 1, start, 514, 4, 1, len(thumbnail), 0)
    block += thumbnail + after_it
    Image.fromarray(smooth(8, 9)).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + block)

    picture = read_image(tmp_path / "a.jpg")
    assert picture.size == (9, 8)
    assert picture.exif is not None
    assert name in picture.exif
    assert thumbnail not in picture.exif
    assert picture.exif.endswith(after_it)
    kept = Image.Exif()
    kept.load(picture.exif)
    assert list(kept) == [ExifTags.Base.Artist]
    assert not kept.get_ifd(ExifTags.IFD.IFD1)


def test_broken_exif_does_not_cost_the_photo(tmp_path: Path) -> None:
    Image.fromarray(smooth(8, 9)).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff junk")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        picture = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(only_frame(picture), smooth(8, 9))


def test_pages_are_no_animation(tmp_path: Path) -> None:
    first, second = Image.fromarray(smooth(8, 9)), Image.new("RGB", (3, 3))
    first.save(tmp_path / "a.tiff", save_all=True, append_images=[second])
    np.testing.assert_array_equal(only_frame(read_image(tmp_path / "a.tiff")), smooth(8, 9))


def test_the_still_before_an_apng_is_no_frame(tmp_path: Path) -> None:
    still, *frames = (Image.new("RGB", (4, 4), colour) for colour in ("white", "red", "blue"))
    still.save(tmp_path / "a.png", save_all=True, append_images=frames, default_image=True, duration=[40, 70])
    picture = read_image(tmp_path / "a.png")
    assert [tuple(frame[0, 0]) for frame in picture.frames] == [(255, 0, 0), (0, 0, 255)]
    assert picture.durations == [40, 70]


@pytest.mark.parametrize(("options", "plays"), [({}, 1), ({"loop": 0}, 0), ({"loop": 2}, 3)])
def test_gif_counts_repeats(tmp_path: Path, options: dict[str, int], plays: int) -> None:
    frames = [Image.new("L", (4, 4), shade) for shade in (0, 255)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=[50, 80], **options)
    picture = read_image(tmp_path / "a.gif")
    assert picture.loop == plays
    assert picture.durations == [50, 80]


@given(SIDES, SIDES, st.integers(1, 60))
def test_resize_gives_the_long_side_exactly(height: int, width: int, long_side: int) -> None:
    alpha = np.full((height, width), 100, np.uint8)
    picture = Picture([np.full((height, width, 3), 77, np.uint8)], [alpha], exif=b"kept")
    scaled = resize_long_side(picture, long_side)
    assert max(scaled.size) == long_side
    ratio = long_side / max(height, width)
    assert min(scaled.size) == pytest.approx(max(1, min(height, width) * ratio), abs=0.5001)
    assert (height > width) == (scaled.size[0] > scaled.size[1]) or scaled.size[0] == scaled.size[1]
    np.testing.assert_allclose(scaled.frames[0], 77, atol=1)
    np.testing.assert_allclose(scaled.alphas[0], 100, atol=1)
    assert scaled.exif == b"kept"


def test_resize_is_lanczos_and_scales_every_frame() -> None:
    frames = [noise(20, 30), noise(20, 30)[::-1].copy()]
    scaled = resize_long_side(Picture(frames, durations=[10, 20], loop=2), 15)
    for frame, result in zip(frames, scaled.frames, strict=True):
        expected = np.asarray(Image.fromarray(frame).resize((15, 10), Image.Resampling.LANCZOS))
        np.testing.assert_array_equal(result, expected)
    assert (scaled.durations, scaled.loop, scaled.alphas) == ([10, 20], 2, [None, None])


def test_resize_to_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="at least 1"):
        resize_long_side(Picture([noise(2, 2)]), 0)


def test_a_still_is_the_first_frame_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [Image.fromarray(noise(20, 30 + i)[:, :30]) for i in range(5)]
    for name in ("a.gif", "a.webp", "a.png"):
        path = tmp_path / name
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=40)
        expected = read_image(path).frames
        assert len(expected) == 5
        with monkeypatch.context() as patch:
            patch.setattr("style_transfer.media.image.MAX_PIXELS", 20 * 30)  # of one frame
            np.testing.assert_array_equal(only_frame(read_still(path)), expected[0])


def test_the_first_frame_of_a_picture_for_viewers_that_show_no_animation(tmp_path: Path) -> None:
    frames = [Image.fromarray(noise(20, 30 + i)[:, :30]) for i in range(3)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], default_image=True)
    np.testing.assert_array_equal(only_frame(read_still(tmp_path / "a.png")), np.asarray(frames[1]))


@pytest.mark.parametrize(
    ("short_side", "size"), [(55, (56, 76)), (56, (111, 151)), (221, (221, 301)), (900, (221, 301))]
)
def test_a_jpeg_is_read_no_smaller_than_asked(tmp_path: Path, short_side: int, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    for name, mode in (("a.jpg", "RGB"), ("grey.jpg", "L"), ("ink.jpg", "CMYK")):
        Image.fromarray(smooth(301, 221)).rotate(90, expand=True).convert(mode).save(
            tmp_path / name, exif=exif
        )
        whole, reduced = read_image(tmp_path / name), read_still(tmp_path / name, short_side=short_side)
        assert whole.size == (301, 221)
        assert reduced.size == size[::-1]
        assert reduced.exif == whole.exif
        expected = Image.fromarray(whole.frames[0]).resize(size, Image.Resampling.BOX)
        assert np.abs(only_frame(reduced).astype(int) - np.asarray(expected)).mean() < 3


def test_what_is_seen_has_no_hidden_colours(tmp_path: Path) -> None:
    pixels = np.full((20, 30, 4), (0, 255, 0, 0), np.uint8)
    pixels[5:15] = (90, 60, 30, 255)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.abs(read_seen(tmp_path / "a.png") - np.array([90, 60, 30])).max() <= 1
