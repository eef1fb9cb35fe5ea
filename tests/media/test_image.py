"""Reading: every kind of file becomes the upright 8-bit sRGB its maker saw, or one clear line."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icc import P3_PRIMARIES, cmyk, display_p3, linear_grey
from PIL import ExifTags, Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from style_transfer.errors import InputFileError, UserError
from style_transfer.media.image import IMAGE_EXTENSIONS, Picture, _heif_opener, read_image, resize_long_side

SIDES = st.integers(1, 40)


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(height * 100 + width).integers(0, 256, (height, width, channels), np.uint8)


def smooth(height: int, width: int) -> np.ndarray:
    """A gradient that lossy formats keep almost exactly, different in every corner."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack(
        [255 * x // max(1, width - 1), 255 * y // max(1, height - 1), np.full_like(x, 90)], -1
    ).astype(np.uint8)


def only_frame(picture: Picture) -> np.ndarray:
    assert not picture.animated
    assert picture.durations == []
    (frame,) = picture.frames
    assert frame.dtype == np.uint8
    assert frame.flags.c_contiguous
    assert frame.shape == (*picture.size, 3)
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


# --- pixels ---------------------------------------------------------------------------------------


@settings(deadline=None)  # a busy machine is no failure
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
    Image.fromarray(smooth(8, 9)).save(tmp_path / f"a{suffix}", exif=exif.tobytes())
    kept = Image.Exif()
    kept.load(read_image(tmp_path / f"a{suffix}").exif)
    assert kept[ExifTags.Base.Artist] == "Ada"
    for tag in (ExifTags.Base.Orientation, ExifTags.Base.ImageWidth, ExifTags.Base.StripOffsets):
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


RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
WIDE_RAMP = (np.arange(65536, step=101, dtype=np.uint32)[:640]).reshape(16, 40)


def as_grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, -1)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".pgm"])
def test_grey(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(RAMP).save(tmp_path / f"a{suffix}", **({"quality": 100} if suffix == ".jpg" else {}))
    frame = only_frame(read_image(tmp_path / f"a{suffix}"))
    np.testing.assert_allclose(frame, as_grey(RAMP), atol=1 if suffix == ".jpg" else 0)


def test_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(RAMP > 100).save(tmp_path / "a.png")
    np.testing.assert_array_equal(only_frame(read_image(tmp_path / "a.png")), as_grey((RAMP > 100) * 255))


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".pgm"])
def test_16_bit_grey_is_scaled_not_cut(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(WIDE_RAMP.astype(np.uint16)).save(tmp_path / f"a{suffix}")
    expected = as_grey(np.rint(WIDE_RAMP / 257).astype(np.uint8))
    np.testing.assert_array_equal(only_frame(read_image(tmp_path / f"a{suffix}")), expected)


def test_big_endian_16_bit_grey(tmp_path: Path) -> None:
    Image.frombytes("I;16B", (40, 16), WIDE_RAMP.astype(">u2").tobytes()).save(tmp_path / "a.tiff")
    expected = as_grey(np.rint(WIDE_RAMP / 257).astype(np.uint8))
    np.testing.assert_array_equal(only_frame(read_image(tmp_path / "a.tiff")), expected)


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
def test_float_grey_in_its_usual_ranges(tmp_path: Path, white: float) -> None:
    values = np.linspace(0, white, 256, dtype=np.float32).reshape(16, 16)
    values[0, 1] = -white  # below black
    Image.fromarray(values).save(tmp_path / "a.tiff")
    expected = RAMP.copy()
    expected[0, 1] = 0
    np.testing.assert_array_equal(only_frame(read_image(tmp_path / "a.tiff")), as_grey(expected))


def test_float_grey_with_nothing_to_see(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 3), np.nan, np.float32)).save(tmp_path / "a.tiff")
    assert not only_frame(read_image(tmp_path / "a.tiff")).any()


def test_32_bit_grey(tmp_path: Path) -> None:
    values = (RAMP.astype(np.int64) * (2**31 - 1) // 255).astype(np.int32)
    Image.fromarray(values).save(tmp_path / "a.tiff")
    np.testing.assert_array_equal(only_frame(read_image(tmp_path / "a.tiff")), as_grey(RAMP))


def test_16_bit_rgb_png(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    values = np.random.default_rng(0).integers(0, 65536, (9, 7, 3), np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), values[..., ::-1])
    np.testing.assert_allclose(only_frame(read_image(tmp_path / "a.png")), values / 257, atol=1)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_modes(tmp_path: Path, mode: str) -> None:
    rgba = Image.fromarray(noise(6, 7, 4)).convert(mode)
    rgba.save(tmp_path / "a.png")
    picture = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(only_frame(picture), np.asarray(rgba.convert("RGBA"))[..., :3])
    np.testing.assert_array_equal(picture.alphas[0], noise(6, 7, 4)[..., 3])


def test_opaque_alpha_is_no_alpha(tmp_path: Path) -> None:
    Image.fromarray(smooth(6, 7)).convert("RGBA").save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").alphas == [None]


PALETTE = [10, 20, 30, 200, 100, 50, 0, 255, 0]


@pytest.mark.parametrize(
    ("transparency", "alpha"),
    [(None, None), (1, [255, 0, 255]), (bytes([255, 128, 7]), [255, 128, 7])],
)
def test_palette(tmp_path: Path, transparency: int | bytes | None, alpha: list[int] | None) -> None:
    indices = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(PALETTE)
    image.save(tmp_path / "a.png", **({} if transparency is None else {"transparency": transparency}))
    picture = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(only_frame(picture), np.reshape(PALETTE, (3, 3))[indices])
    if alpha is None:
        assert picture.alphas == [None]
    else:
        np.testing.assert_array_equal(picture.alphas[0], np.array(alpha)[indices])


def test_transparent_colour(tmp_path: Path) -> None:
    pixels = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", transparency=(4, 5, 6))
    picture = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(only_frame(picture), pixels)
    np.testing.assert_array_equal(picture.alphas[0], [[255, 0]])


@pytest.mark.parametrize(
    ("mode", "suffix"), [("CMYK", ".tiff"), ("CMYK", ".jpg"), ("YCbCr", ".jpg"), ("LAB", ".tiff")]
)
def test_other_colour_spaces(tmp_path: Path, mode: str, suffix: str) -> None:
    """Also that the inverted inks of Adobe's JPEGs come out right."""
    pixels = smooth(32, 32) // 2 + 60
    Image.fromarray(pixels).convert(mode).save(
        tmp_path / f"a{suffix}", **({"quality": 100, "subsampling": 0} if suffix == ".jpg" else {})
    )
    np.testing.assert_allclose(only_frame(read_image(tmp_path / f"a{suffix}")).astype(int), pixels, atol=8)


# --- colour profiles ------------------------------------------------------------------------------


def srgb_from_xyz(xyz: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1 with a matrix adapted to D50."""
    matrix = np.array(
        [
            [3.1338561, -1.6168667, -0.4906146],
            [-0.9787684, 1.9161415, 0.0334540],
            [0.0719453, -0.2289914, 1.4052427],
        ]
    )
    linear = np.clip(xyz @ matrix.T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return encoded * 255


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff"])
def test_rgb_profile_is_converted_to_srgb(tmp_path: Path, suffix: str) -> None:
    colour = np.array([200, 120, 80])
    lossy = {".jpg": {"quality": 100}, ".webp": {"lossless": True}}.get(suffix, {})
    Image.new("RGB", (8, 8), tuple(colour)).save(tmp_path / f"a{suffix}", icc_profile=display_p3(), **lossy)
    expected = srgb_from_xyz((colour / 255) ** 2.2 @ np.array(P3_PRIMARIES))
    assert abs(expected - colour).max() > 8  # or ignoring the profile would pass
    np.testing.assert_allclose(only_frame(read_image(tmp_path / f"a{suffix}"))[4, 4], expected, atol=2)


def test_rgb_profile_leaves_alpha_alone(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (200, 120, 80, 77)).save(tmp_path / "a.png", icc_profile=display_p3())
    picture = read_image(tmp_path / "a.png")
    assert np.unique(picture.alphas[0]).tolist() == [77]
    assert only_frame(picture)[0, 0, 0] > 205


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_grey_profile_is_converted_to_srgb(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.full((4, 4), 128 * 257, np.uint16))
    else:
        image = Image.new("L", (4, 4), 128).convert(mode)
    image.save(tmp_path / "a.png", icc_profile=linear_grey())
    np.testing.assert_allclose(only_frame(read_image(tmp_path / "a.png")), 188, atol=1)


def test_cmyk_profile_is_converted_to_srgb(tmp_path: Path) -> None:
    image = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 4, 8))
    image.save(tmp_path / "a.tiff", icc_profile=cmyk((60, 40, 30)))
    frame = only_frame(read_image(tmp_path / "a.tiff"))
    np.testing.assert_allclose(frame[0, 0], 0, atol=3)
    f = np.array([76 / 116 + 40 / 500, 76 / 116, 76 / 116 - 30 / 200])  # CIE 1976 L*a*b* to XYZ
    np.testing.assert_allclose(frame[0, 7], srgb_from_xyz(f**3 * [0.9642, 1.0, 0.8249]), atol=3)


@pytest.mark.parametrize(
    "profile", [b"no profile at all", linear_grey()], ids=["damaged", "of another space"]
)
def test_unusable_profile_is_ignored(tmp_path: Path, profile: bytes) -> None:
    Image.fromarray(smooth(8, 8)).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(only_frame(read_image(tmp_path / "a.png")), smooth(8, 8))


# --- animations and pages -------------------------------------------------------------------------


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


# --- what cannot be read --------------------------------------------------------------------------


def error_of(path: Path, **options: int) -> str:
    with pytest.raises(InputFileError) as caught:
        read_image(path, **options)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert caught.value.exit_code == 2
    return message


def test_missing_folder_empty_and_text(tmp_path: Path) -> None:
    assert "does not exist" in error_of(tmp_path / "nothing.jpg")
    assert "does not exist" in error_of(tmp_path / "no" / "where.jpg")
    assert "is a folder" in error_of(tmp_path)
    (tmp_path / "empty.jpg").touch()
    assert "is empty" in error_of(tmp_path / "empty.jpg")
    (tmp_path / "text.jpg").write_text("dear diary\n" * 40)
    assert "not an image of a known format" in error_of(tmp_path / "text.jpg")


def test_ghostscript_is_never_reached(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text(
        "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    )
    assert "not an image" in error_of(tmp_path / "a.png")


@pytest.mark.parametrize(
    "suffix", [".jpg", ".png", ".webp", ".tiff", ".gif", ".avif", ".bmp", ".jp2", ".qoi"]
)
def test_cut_short_at_any_place(tmp_path: Path, suffix: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(noise(40, 50)).save(buffer, Image.registered_extensions()[suffix])
    whole = buffer.getvalue()
    for part in (1, 9, 30, len(whole) // 4, len(whole) // 2, len(whole) * 3 // 4):
        (tmp_path / f"a{suffix}").write_bytes(whole[:part])
        error_of(tmp_path / f"a{suffix}")


@settings(deadline=None)  # a busy machine is no failure
@given(st.sampled_from([".jpg", ".png", ".webp", ".gif", ".tiff"]), st.data())
def test_damage_gives_a_picture_or_one_line(folder: Path, suffix: str, data: st.DataObject) -> None:
    buffer = io.BytesIO()
    Image.fromarray(noise(9, 8)).save(buffer, Image.registered_extensions()[suffix])
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = folder / f"damaged{suffix}"
    path.write_bytes(content)
    try:
        picture = read_image(path, max_pixels=100_000)
    except InputFileError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert len(picture.frames) == len(picture.alphas) >= 1


def test_too_many_pixels(tmp_path: Path) -> None:
    Image.new("L", (2000, 1500)).save(tmp_path / "a.png")
    message = error_of(tmp_path / "a.png", max_pixels=2_500_000)
    assert "3 megapixels (2000×1500 pixels)" in message
    assert "limit is 2.5" in message
    assert message.endswith("--max-megapixels 3")
    assert read_image(tmp_path / "a.png", max_pixels=3_000_000).size == (1500, 2000)
    assert read_image(tmp_path / "a.png", max_pixels=None).size == (1500, 2000)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("L", (4, 4)).save(buffer, "PNG")
    content = bytearray(buffer.getvalue())
    content[16:24] = struct.pack(">II", 40_000, 40_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    (tmp_path / "bomb.png").write_bytes(content)
    assert "1600 megapixels" in error_of(tmp_path / "bomb.png")
    assert Image.MAX_IMAGE_PIXELS is None


def test_frames_count_as_pixels(tmp_path: Path) -> None:
    frames = [Image.new("L", (100, 100), shade) for shade in range(0, 250, 25)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert "100×100 pixels in 10 frames" in error_of(tmp_path / "a.gif", max_pixels=99_999)
    assert len(read_image(tmp_path / "a.gif", max_pixels=100_000).frames) == 10


def test_out_of_memory_names_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise MemoryError

    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    monkeypatch.setattr("style_transfer.media.image.to_arrays", refuse)
    assert "30×20" in error_of(tmp_path / "a.png")


def test_text_bomb_in_a_png(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("comment", "x" * 80_000_000, zip=True)
    Image.new("L", (3, 3)).save(tmp_path / "a.png", pnginfo=info)
    assert "damaged" in error_of(tmp_path / "a.png")


HEIC_HEADER = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def test_heic_names_the_package_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    _heif_opener.cache_clear()  # another test may have found the package
    (tmp_path / "a.jpg").write_bytes(HEIC_HEADER + bytes(100))
    assert 'pip install "style-transfer[heic]"' in error_of(tmp_path / "a.jpg")


def test_heic(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "phone"
    pillow_heif.from_pillow(Image.fromarray(smooth(64, 48))).save(
        tmp_path / "a.heic", quality=95, exif=exif.tobytes()
    )
    picture = read_image(tmp_path / "a.heic")
    assert abs(only_frame(picture).astype(int) - smooth(64, 48)).mean() < 3
    assert b"phone" in (picture.exif or b"")
    whole = (tmp_path / "a.heic").read_bytes()
    (tmp_path / "a.heic").write_bytes(whole[: len(whole) // 2])
    error_of(tmp_path / "a.heic")


def test_extensions_are_lower_case_with_a_dot() -> None:
    assert {".jpg", ".jpeg", ".png", ".webp", ".tif", ".heic", ".avif", ".gif"} <= IMAGE_EXTENSIONS
    assert all(extension == extension.lower() and extension[0] == "." for extension in IMAGE_EXTENSIONS)


# --- cost -----------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak memory from /proc")
@pytest.mark.parametrize("orientation", [1, 6])
def test_no_more_than_two_copies_in_memory(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.new("RGB", (6000, 4000), (10, 20, 30)).save(tmp_path / "large.jpg", exif=exif)
    program = """if True:
        import sys
        from pathlib import Path
        from style_transfer.media.image import read_image
        from style_transfer.media.image_writer import write_image
        def peak():
            return next(int(line.split()[1]) for line in open("/proc/self/status") if "VmHWM" in line) * 1024
        before = peak()
        picture = read_image(Path(sys.argv[1]))
        print(peak() - before)
        write_image(picture, Path(sys.argv[1]).with_name("copy.jpg"))
        print(peak() - before, "torch" in sys.modules)
    """
    command = [sys.executable, "-c", program, str(tmp_path / "large.jpg")]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    reading, both, torch_imported = result.stdout.split()
    # Pillow's 4 bytes a pixel, the array's 3, and some strips.
    assert int(reading) < 8.5 * 24_000_000
    assert int(both) < 8.5 * 24_000_000
    assert torch_imported == "False"


def test_threads_read_at_the_same_time(tmp_path: Path) -> None:
    for shade in range(8):
        Image.new("RGB", (300, 200), (shade, 0, 0)).save(tmp_path / f"{shade}.png")
    paths = [tmp_path / f"{number % 8}.png" for number in range(64)]
    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(read_image, paths))
    assert [int(picture.frames[0].max()) for picture in pictures] == [number % 8 for number in range(64)]


# --- scaling --------------------------------------------------------------------------------------


@settings(deadline=None)  # a busy machine is no failure
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
