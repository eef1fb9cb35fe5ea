"""Whole conversions: the pictures upright, in their colours and their shape."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import QUICK, contents, drift, make_clip, through

from style_transfer.media.video.convert import convert, each
from style_transfer.media.video.frame import _eight_bit_format
from style_transfer.media.video.reader import probe


@pytest.mark.parametrize(
    ("degrees", "mirrored"), [(90, False), (-90, False), (180, False), (0, True), (90, True)]
)
def test_rotation_is_applied(tmp_path: Path, degrees: int, mirrored: bool) -> None:
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:24, :32], pixels[:24, 32:], pixels[24:, :32] = (220, 40, 40), (40, 220, 40), (40, 40, 220)
    source = make_clip(tmp_path / "in.mp4", pixels=pixels, rotation=degrees, mirrored=mirrored, pts=range(3))
    _, after = through(source, "out.mp4")
    # The rotation of the tag is counter-clockwise, as numpy's; mirroring comes after it.
    expected = np.rot90(pixels, degrees // 90)
    expected = expected[:, ::-1] if mirrored else expected
    assert after.rotation == 0
    assert after.pixels[0].shape == expected.shape
    assert np.abs(after.pixels[0].astype(int) - expected)[::8, ::8].mean() < 12
    info = probe(source)
    assert (info.height, info.width) == expected.shape[:2]


def test_pixel_shape_is_kept_and_turned(tmp_path: Path) -> None:
    context = {"sample_aspect_ratio": Fraction(4, 3)}
    straight = make_clip(tmp_path / "in.mp4", context=context, pts=range(3))
    assert through(straight, "out.mp4")[1].aspect == Fraction(4, 3)
    turned = make_clip(tmp_path / "in.mp4", context=context, pts=range(3), rotation=90)
    assert through(turned, "out.mkv")[1].aspect == Fraction(3, 4)


@pytest.mark.parametrize("size", [(63, 47), (64, 47), (33, 48)])
@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
def test_odd_sides_are_padded_by_their_last_row_and_column(
    tmp_path: Path, size: tuple[int, int], target: str
) -> None:
    source = make_clip(
        tmp_path / "in.mkv", size=size, codec="ffv1", options={}, pix_fmt="yuv444p", pts=range(3)
    )
    summary, after = through(source, target)
    assert (after.width, after.height) == tuple(side + side % 2 for side in size)
    assert any("padded" in line for line in summary.notices)
    assert np.abs(after.pixels[0][-1, -1].astype(int) - (40, 90, 160)).max() <= 8


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (16, 1), (1, 64)])
def test_tiny_pictures(tmp_path: Path, size: tuple[int, int]) -> None:
    source = make_clip(tmp_path / "in.mov", size=size, codec="png", options={}, pix_fmt="rgb24", pts=range(2))
    _, after = through(source, "out.mp4")
    assert len(after.times) == 2


@pytest.mark.parametrize(("matrix", "tags"), [(1, (1, 1, 1, 1)), (6, (6, 6, 6, 1)), (9, (9, 9, 14, 1))])
@pytest.mark.parametrize("full_range", [False, True])
def test_colours_come_back_and_are_tagged(
    tmp_path: Path, matrix: int, tags: tuple[int, int, int, int], full_range: bool
) -> None:
    colours = [
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 255),
        (0, 0, 0),
        (128, 128, 128),
        (200, 100, 30),
    ]
    pixels = np.repeat(np.array(colours, np.uint8), 32, axis=0)[None].repeat(32, axis=0)
    context = {"colorspace": matrix, "color_primaries": tags[1], "color_trc": tags[2],
               "color_range": 2 if full_range else 1}  # fmt: skip
    source = make_clip(
        tmp_path / "in.mp4", size=(224, 32), pixels=pixels, pts=range(2), context=context,
        options={"preset": "ultrafast", "qp": "0"},
    )  # fmt: skip
    seen: list[np.ndarray] = []

    def look(image: np.ndarray) -> np.ndarray:
        seen.append(image)
        return image

    convert(source, tmp_path / "out.mp4", each(look), replace(QUICK, crf=0))
    after = contents(tmp_path / "out.mp4")
    centres = slice(16, None, 32)
    assert np.abs(seen[0][16, centres].astype(int) - colours).max() <= 3
    assert np.abs(after.pixels[0][16, centres].astype(int) - colours).max() <= 3
    assert after.colours == tags
    assert after.pix_fmt == "yuv420p"


def test_untagged_colours_are_taken_as_players_take_them_by_size(tmp_path: Path) -> None:
    small = make_clip(tmp_path / "in.mp4", pts=range(2), context={"color_range": 0})
    large = make_clip(tmp_path / "large.mp4", size=(1280, 64), pts=range(2))
    assert through(small, "out.mp4")[1].colours == (6, 6, 6, 1)
    tall = make_clip(tmp_path / "tall.mp4", size=(64, 578), pts=range(2))
    assert through(large, "out.mp4")[1].colours == through(tall, "out.mp4")[1].colours == (1, 1, 1, 1)


def chroma_clip(path: Path, codec: str, pix_fmt: str, options: dict[str, str]) -> np.ndarray:
    """Grey of one lightness whose blue grows to the right and falls again; its chroma, a row."""
    across = np.abs(np.arange(32) - 15.5) * 4 + 96
    rows = 24 if pix_fmt == "yuv420p" else 48
    blue = np.tile(across.astype(np.uint8), (rows, 1))
    planes = [np.full((48, 64), 128, np.uint8), blue, np.full_like(blue, 128)]
    with av.open(str(path), "w") as output:
        video = output.add_stream(codec, rate=12, width=64, height=48)
        video.pix_fmt, video.codec_context.options = pix_fmt, options
        picture = av.VideoFrame(64, 48, pix_fmt)
        for plane, values in zip(picture.planes, planes, strict=True):
            lines = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
            lines[:, : plane.width] = values
        for number in range(2):
            picture.pts = number
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
    return across


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "options"),
    [
        ("in.mp4", "libx264", "yuv420p", {"qp": "0"}),  # says where its chroma lies
        ("in.webm", "libvpx-vp9", "yuv420p", {"lossless": "1"}),  # does not
        ("in.mkv", "ffv1", "yuv422p", {}),
    ],
)
def test_colours_stay_where_they_are(
    tmp_path: Path, name: str, codec: str, pix_fmt: str, options: dict[str, str]
) -> None:
    before = chroma_clip(tmp_path / name, codec, pix_fmt, options)
    through(tmp_path / name, "out.mp4", replace(QUICK, crf=0))
    with av.open(str(tmp_path / "out.mp4")) as file:
        plane = next(file.decode(video=0)).planes[1]
    after = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[12, :32]
    risen, fallen = (float((after - before)[part].mean()) for part in (slice(2, 14), slice(18, 30)))
    assert abs(risen - fallen) < 0.6  # by half a pixel it would be 2


def combing(image: np.ndarray) -> float:
    """Mean step from row to row."""
    return float(np.abs(np.diff(image[8:-8, :, 0].astype(int), axis=0)).mean())


def test_interlaced_pictures_are_made_whole_one_for_one(tmp_path: Path) -> None:
    pixels = np.zeros((5, 64, 64, 3), np.uint8)
    for number, image in enumerate(pixels):  # a bar that moves from field to field
        image[::2, number * 12 : number * 12 + 6] = 220
        image[1::2, number * 12 + 6 : number * 12 + 12] = 220
    source = make_clip(
        tmp_path / "in.mp4", size=(64, 64), pixels=pixels, pts=[0, 3003, 6006, 12012, 15015],
        time_base=Fraction(1, 90_000), context={"flags": 1 << 18},
        options={"preset": "ultrafast", "x264-params": "tff=1"},
    )  # fmt: skip
    before = contents(source)
    _, after = through(source, "out.mp4")
    assert drift(before.times, after.times) == (0, 0)
    assert combing(before.pixels[2]) > 30
    assert combing(after.pixels[2]) < 5


@pytest.mark.parametrize(
    ("deep", "shallow"),
    [("yuv420p10le", "yuv420p"), ("yuv422p10le", "yuv422p"), ("yuv444p12le", "yuv444p"),
     ("yuv440p10le", "yuv444p"), ("gray10le", "gray"), ("yuv444p", None), ("gbrp10le", None)],
)  # fmt: skip
def test_fewer_bits_are_no_fewer_colours(deep: str, shallow: str | None) -> None:
    assert _eight_bit_format(av.VideoFormat(deep)) == shallow


def test_ten_bits_are_dithered_to_eight(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", codec="ffv1", options={}, pix_fmt="yuv422p10le", pts=range(2))
    _, after = through(source, "out.mp4")
    assert after.pix_fmt == "yuv420p"
    assert np.abs(after.pixels[0][-1, -1].astype(int) - (40, 90, 160)).max() <= 6


def test_high_dynamic_range_becomes_standard_and_is_said(tmp_path: Path) -> None:
    context = {"color_trc": 18, "color_primaries": 9, "colorspace": 9, "color_range": 1}
    source = make_clip(
        tmp_path / "in.mkv", codec="ffv1", options={}, pix_fmt="yuv420p10le", context=context, pts=range(2)
    )
    summary, after = through(source, "out.mp4")
    assert after.colours == (1, 1, 1, 1)
    assert "HDR (HLG)" in summary.notices[0]
