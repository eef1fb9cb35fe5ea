"""Reading: every depth, colour space and profile becomes the 8-bit sRGB its maker saw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from icc import P3_PRIMARIES, cmyk, display_p3, linear_grey, linear_srgb
from pictures import noise, only_frame, smooth
from PIL import Image

from style_transfer.media.image import read_image

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
    ("transparency", "alpha"), [(None, None), (1, [255, 0, 255]), (bytes([255, 128, 7]), [255, 128, 7])]
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


@pytest.mark.parametrize("name", ["GIMP built-in Linear sRGB", "sRGB-elle-V2-g10.icc"])
def test_a_profile_named_after_srgb_may_be_linear(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (4, 4), (55, 55, 55)).save(tmp_path / "a.png", icc_profile=linear_srgb(name))
    assert abs(int(only_frame(read_image(tmp_path / "a.png"))[0, 0, 0]) - 128) <= 1
    Image.new("RGB", (4, 4), (55, 55, 55)).save(
        tmp_path / "b.png", icc_profile=linear_srgb("sRGB IEC61966-2.1")
    )
    assert only_frame(read_image(tmp_path / "b.png"))[0, 0, 0] == 55  # taken by its name


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
