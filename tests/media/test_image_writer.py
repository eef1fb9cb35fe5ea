"""Writing: what goes in comes back out, or the target stays as it was."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import noise
from PIL import ExifTags, Image

from style_transfer.errors import OutputError, UserError
from style_transfer.media.image import Picture, read_image
from style_transfer.media.image_writer import (
    WRITABLE_EXTENSIONS,
    WRITABLE_FORMATS,
    output_format,
    write_image,
)

ALL_FORMATS = sorted(f".{name}" for name in WRITABLE_FORMATS)
LOSSLESS = [".png", ".tiff"]


def solid(*colour: int, size: int = 16) -> np.ndarray:
    return np.full((size, size, 3), colour, np.uint8)


def through(picture: Picture, path: Path, **options: int) -> Picture:
    write_image(picture, path, **options)
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    return read_image(path)


@given(st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_lossless_formats_keep_every_pixel(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, transparent: bool
) -> None:
    pixels = noise(height, width, 4)
    alpha = np.ascontiguousarray(pixels[..., 3]) // 2 if transparent else None
    folder = tmp_path_factory.mktemp("lossless")
    for suffix in LOSSLESS:
        picture = Picture([np.ascontiguousarray(pixels[..., :3])], [alpha])
        write_image(picture, folder / f"a{suffix}")
        again = read_image(folder / f"a{suffix}")
        np.testing.assert_array_equal(again.frames[0], picture.frames[0])
        np.testing.assert_array_equal(again.alphas[0], alpha)


@pytest.mark.parametrize("suffix", ALL_FORMATS)
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 2), (17, 33)])
def test_every_format_keeps_the_size_and_about_the_colours(
    tmp_path: Path, suffix: str, size: tuple[int, int]
) -> None:
    frame = np.empty((*size, 3), np.uint8)
    frame[:] = (200, 60, 120)
    again = through(Picture([frame]), tmp_path / f"a{suffix}")
    assert again.size == size
    np.testing.assert_allclose(again.frames[0].astype(int), frame, atol=4)


@pytest.mark.parametrize("extension", sorted(WRITABLE_EXTENSIONS))
def test_the_extension_decides_in_any_case(tmp_path: Path, extension: str) -> None:
    write_image(Picture([solid(1, 2, 3)]), tmp_path / f"a{extension.upper()}")
    with Image.open(tmp_path / f"a{extension.upper()}") as image:
        assert image.format == output_format(Path(f"x{extension}")).name


def test_a_slice_of_an_array_is_written_as_seen(tmp_path: Path) -> None:
    whole = noise(20, 20)
    again = through(Picture([whole[::2, ::-1]]), tmp_path / "a.png")
    np.testing.assert_array_equal(again.frames[0], whole[::2, ::-1])


@pytest.mark.parametrize("suffix", [".jpg", ".avif"])
def test_colour_edges_stay_sharp_at_high_quality(tmp_path: Path, suffix: str) -> None:
    frame = solid(255, 0, 0)
    frame[:, 1::2] = (0, 0, 255)  # of nearly one brightness: with halved chroma all would turn violet
    sharp = through(Picture([frame]), tmp_path / f"a{suffix}")
    assert abs(sharp.frames[0].astype(int) - frame).mean() < 10
    soft = through(Picture([frame]), tmp_path / f"a{suffix}", quality=60)
    assert abs(soft.frames[0].astype(int) - frame).mean() > 40


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_quality_costs_bytes(tmp_path: Path, suffix: str) -> None:
    sizes = []
    for quality in (10, 60, 100):
        write_image(Picture([noise(64, 64)]), tmp_path / f"a{suffix}", quality=quality)
        sizes.append((tmp_path / f"a{suffix}").stat().st_size)
    assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_quality_out_of_range(tmp_path: Path, quality: int) -> None:
    with pytest.raises(UserError, match="from 1 to 100"):
        write_image(Picture([solid(0, 0, 0)]), tmp_path / "a.jpg", quality=quality)


def test_jpeg_shows_what_is_transparent_on_white(tmp_path: Path) -> None:
    alpha = np.full((16, 16), 255, np.uint8)
    alpha[:, 8:] = 0
    alpha[8:, :8] = 128
    frame = (
        through(Picture([solid(200, 0, 0)], [alpha]), tmp_path / "a.jpg", quality=100).frames[0].astype(int)
    )
    np.testing.assert_allclose(frame[4, 12], 255, atol=3)
    np.testing.assert_allclose(frame[4, 4], (200, 0, 0), atol=3)
    np.testing.assert_allclose(frame[12, 4], (227, 127, 127), atol=3)


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp", ".avif", ".gif"])
def test_alpha_is_kept(tmp_path: Path, suffix: str) -> None:
    alpha = np.zeros((16, 16), np.uint8)
    alpha[4:12] = 255
    again = through(Picture([solid(200, 0, 0)], [alpha]), tmp_path / f"a{suffix}")
    assert again.alphas[0] is not None
    np.testing.assert_allclose(again.alphas[0].astype(int), alpha, atol=4)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff", ".webp", ".avif"])
def test_exif_is_carried(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ada"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings] = 400
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    again = through(Picture([noise(9, 7)], exif=exif.tobytes()), tmp_path / f"a{suffix}")
    kept = Image.Exif()
    kept.load(again.exif)
    assert kept[ExifTags.Base.Artist] == "Ada"
    assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings] == 400
    assert kept.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
    assert again.size == (9, 7)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff"])
def test_a_scan_keeps_its_resolution(tmp_path: Path, suffix: str) -> None:
    again = through(Picture([noise(9, 7)], dpi=(300.0, 150.0)), tmp_path / f"a{suffix}")
    assert again.dpi == pytest.approx((300, 150), abs=0.02)
    (tmp_path / f"a{suffix}").unlink()
    assert through(Picture([noise(9, 7)]), tmp_path / f"b{suffix}").dpi is None


def test_exif_too_long_for_a_jpeg_is_left_out(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "x" * 70_000
    assert through(Picture([noise(9, 7)], exif=exif.tobytes()), tmp_path / "a.jpg").exif is None
    (tmp_path / "a.jpg").unlink()
    assert through(Picture([noise(9, 7)], exif=exif.tobytes()), tmp_path / "a.png").exif == exif.tobytes()


# --- animations -----------------------------------------------------------------------------------

FLAGS = [solid(200, 30, 30), solid(30, 200, 30), solid(30, 30, 200)]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("loop", [0, 1, 2, 5])
def test_animations_keep_frames_times_and_plays(tmp_path: Path, suffix: str, loop: int) -> None:
    again = through(Picture(FLAGS, durations=[40, 250, 100], loop=loop), tmp_path / f"a{suffix}")
    assert again.animated
    assert again.durations == [40, 250, 100]
    assert again.loop == loop
    for frame, expected in zip(again.frames, FLAGS, strict=True):
        np.testing.assert_allclose(frame.astype(int), expected, atol=4)


def test_avif_animation(tmp_path: Path) -> None:
    again = through(Picture(FLAGS, durations=[40, 250, 100]), tmp_path / "a.avif")
    assert again.durations == [40, 250, 100]
    np.testing.assert_allclose(np.stack(again.frames).astype(int), FLAGS, atol=4)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_what_moves_on_a_transparent_ground_leaves_no_trail(tmp_path: Path, suffix: str) -> None:
    alphas = []
    for column in (0, 5, 10):
        alpha = np.zeros((16, 16), np.uint8)
        alpha[4:10, column : column + 4] = 255
        alphas.append(alpha)
    again = through(Picture(FLAGS, alphas, durations=[100] * 3), tmp_path / f"a{suffix}")
    for alpha, expected in zip(again.alphas, alphas, strict=True):
        np.testing.assert_array_equal(alpha, expected)


@pytest.mark.parametrize("suffix", [".jpg", ".tiff"])
def test_still_formats_hold_the_first_frame(tmp_path: Path, suffix: str) -> None:
    again = through(Picture(FLAGS, durations=[40, 250, 100]), tmp_path / f"a{suffix}")
    assert len(again.frames) == 1
    np.testing.assert_allclose(again.frames[0].astype(int), FLAGS[0], atol=4)


def test_animation_without_durations(tmp_path: Path) -> None:
    assert through(Picture(FLAGS), tmp_path / "a.gif").durations == [100, 100, 100]


# --- what cannot be written -----------------------------------------------------------------------


def test_unknown_extensions_list_the_known_ones(tmp_path: Path) -> None:
    for name in ("a.heic", "a", "a.txt"):
        with pytest.raises(UserError, match=r"\.jpg, \.png, \.webp, \.tiff, \.avif, \.gif"):
            write_image(Picture([solid(0, 0, 0)]), tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("suffix", "limit"), [(".webp", 16383), (".jpg", 65500), (".gif", 65535), (".avif", 32768)]
)
def test_too_long_a_side_names_limit_and_way_out(tmp_path: Path, suffix: str, limit: int) -> None:
    too_long = Picture([np.zeros((1, limit + 1, 3), np.uint8)])
    with pytest.raises(UserError, match=rf"at most {limit} pixels a side.*{limit + 1}×1.*PNG or TIFF"):
        write_image(too_long, tmp_path / f"a{suffix}")
    assert not list(tmp_path.iterdir())
    assert through(too_long, tmp_path / "a.png").size == (1, limit + 1)
    (tmp_path / "a.png").unlink()
    fits = Picture([np.zeros((1, limit, 3), np.uint8)])
    assert through(fits, tmp_path / f"a{suffix}").size == (1, limit)


def fail_after_some_bytes(error: Exception) -> object:
    def save(_image: object, file: object, *_: object, **__: object) -> None:
        file.write(b"some bytes")  # type: ignore[attr-defined]
        raise error

    return save


@pytest.mark.parametrize("existing", [False, True])
def test_full_disk_leaves_nothing_half_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    target = tmp_path / "a.png"
    if existing:
        target.write_bytes(b"the result of yesterday")
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(Image.Image, "save", fail_after_some_bytes(full))
    with pytest.raises(OutputError, match="the disk is full") as caught:
        write_image(Picture([noise(50, 50)]), target)
    assert str(target) in str(caught.value)
    assert [item.read_bytes() for item in tmp_path.iterdir()] == [b"the result of yesterday"] * existing


def test_full_disk_is_recognised_where_libtiff_gives_no_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image.Image, "save", fail_after_some_bytes(RuntimeError("tiff codec failed")))
    with pytest.raises(UserError, match=r"a\.tiff' as TIFF \(tiff codec failed\); try"):
        write_image(Picture([noise(5, 5)]), tmp_path / "a.tiff")
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("usage", (), {"free": 0}))
    with pytest.raises(OutputError, match="the disk is full"):
        write_image(Picture([noise(5, 5)]), tmp_path / "a.tiff")
    assert not list(tmp_path.iterdir())


def test_a_gif_is_transparent_where_a_picture_is_mostly(tmp_path: Path) -> None:
    alpha = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))
    write_image(Picture([noise(64, 64)], [alpha]), tmp_path / "a.gif")
    found = read_image(tmp_path / "a.gif").alphas[0]
    assert found is not None
    assert (found == np.where(alpha < 128, 0, 255)).all()


def test_out_of_memory_is_an_error_of_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "save", fail_after_some_bytes(MemoryError()))
    with pytest.raises(OutputError, match="7×5 pixels"):
        write_image(Picture([noise(5, 7)]), tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_image(Picture([noise(5, 7)]), tmp_path / "new" / "deep" / "a.png")
    assert read_image(tmp_path / "new" / "deep" / "a.png").size == (5, 7)


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="in the way"):
        write_image(Picture([noise(5, 7)]), tmp_path / "file" / "a.png")
