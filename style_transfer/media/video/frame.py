"""One frame of a video, and the way from a decoder's picture to upright RGB and back to an encoder's."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.sidedata.sidedata import Type as SideDataType
from av.video.reformatter import (
    ColorPrimaries,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

from style_transfer.media.pixels import Pixels

# Code points of ITU-T H.273, which every container and codec shares.
_BT709, _UNSPECIFIED, _SMPTE170M, _BT2020 = 1, 2, 6, 9
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
_MATRICES = {1, 4, 5, 6, 7, 9}  # from RGB to YUV, that swscale knows

# To planes this is vectorised; to interleaved pixels it takes five times as long, and swscale's default
# is off by up to 5 levels of 255, tinting greys of full-range video.
_ACCURATE = Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND


@dataclass(frozen=True)
class Frame:
    """One picture and when it is shown.

    ``pixels``     uint8 RGB, HWC, C-contiguous, upright.
    ``pts``        when it is shown, in units of ``time_base``; strictly increasing from frame to frame.
    ``time_base``  seconds.
    ``duration``   for how long, in units of ``time_base``; 0 where unknown.
    ``repeat``     how often it is shown in a row, each time ``duration`` after the last; 1 but at a new rate.
    ``offset``     seconds from the beginning of the input to time 0.

    For a result use ``dataclasses.replace(frame, pixels=...)``: the rest is carried along.
    """

    pixels: Pixels
    pts: int
    time_base: Fraction
    duration: int = 0
    repeat: int = 1
    offset: Fraction = Fraction(0)

    @property
    def time(self) -> Fraction:
        """Seconds, exactly."""
        return self.pts * self.time_base

    @property
    def input_time(self) -> Fraction:
        """Seconds from the beginning of the input, as ``--start`` counts."""
        return self.time + self.offset


@dataclass(frozen=True)
class Colour:
    """How RGB is meant, as code points of ITU-T H.273: matrix to YUV, primaries, transfer function."""

    matrix: int
    primaries: int
    transfer: int


def hdr_kind(picture: av.VideoFrame) -> str | None:
    """The name of the transfer function where the picture is high dynamic range."""
    return _HDR_TRANSFERS.get(picture.color_trc)


def colour_of(picture: av.VideoFrame) -> Colour:
    """What ``picture`` is tagged with; where it says nothing, what players assume by its size.

    High dynamic range becomes BT.709, as :class:`ToPixels` converts it.
    """
    if hdr_kind(picture):
        return Colour(_BT709, _BT709, _BT709)
    assumed = _BT709 if picture.width >= 1280 or picture.height > 576 else _SMPTE170M
    matrix = _BT2020 if picture.colorspace == 10 else picture.colorspace
    if matrix not in _MATRICES:
        matrix = assumed
    primaries, transfer = (
        assumed if tag in (0, _UNSPECIFIED, 3) else tag
        for tag in (picture.color_primaries, picture.color_trc)
    )
    return Colour(matrix, primaries, transfer)


@dataclass
class ToPixels:
    """Decoder's picture → upright 8-bit RGB; ``long_side`` scales to that many pixels, both sides even.

    Deeper pictures are dithered to 8 bits. PQ and HLG are brought to BT.709 by colour alone: what is
    brighter than standard white clips.
    """

    long_side: int | None = None
    _scaler: VideoReformatter = field(default_factory=VideoReformatter)
    _shallower: VideoReformatter = field(default_factory=VideoReformatter)

    def __call__(self, picture: av.VideoFrame) -> Pixels:
        """Pixels: uint8 RGB, HWC, C-contiguous."""
        hdr = hdr_kind(picture) is not None
        matrix = picture.colorspace if hdr else colour_of(picture).matrix
        if not picture.format.is_rgb:
            picture.colorspace = matrix
        eight_bit = None if hdr else _eight_bit_format(picture.format)
        if eight_bit:
            # Straight to RGB swscale would round; from planes to planes it dithers.
            picture = self._shallower.reformat(picture, format=eight_bit, threads=1)
        width, height = self._size(picture.width, picture.height)
        scaled = (width, height) != (picture.width, picture.height)
        rgb = self._scaler.reformat(
            picture,
            width=width,
            height=height,
            format="gbrp",
            interpolation=_ACCURATE | (Interpolation.LANCZOS if scaled else Interpolation.BICUBIC),
            dst_color_trc=ColorTrc.BT709 if hdr else None,
            dst_color_primaries=ColorPrimaries.BT709 if hdr else None,
            threads=1,
        )
        return np.ascontiguousarray(_upright(_interleaved(rgb), display_matrix(picture)))

    def _size(self, width: int, height: int) -> tuple[int, int]:
        if self.long_side is None:
            return width, height
        scale = Fraction(self.long_side, max(width, height))
        return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


class FromPixels:
    """RGB → 8-bit limited-range YUV 4:2:0 of a given colour, odd sides padded to even ones.

    The padding repeats the last row and column: H.264 and HEVC have no odd 4:2:0, and the crop of a
    container is ignored by browsers, which would show whatever is there. Chroma samples lie where the left
    one of two pixels does, as players take them to; swscale puts them between the two unless it is told.
    """

    def __init__(self, colour: Colour) -> None:
        self._colour = colour
        self._graph: Graph | None = None

    def __call__(self, pixels: Pixels) -> av.VideoFrame:
        """``pixels``: uint8 RGB, HWC; of another size than the first, they are scaled to that."""
        height, width = pixels.shape[:2]
        if height % 2 or width % 2:
            pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        rgb = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(pixels), "rgb24")
        if self._graph is None:
            self._graph = self._make(rgb)
        self._graph.vpush(rgb)
        picture = self._graph.vpull()
        # An encoder that is told one thing by its context and another by its frames warns or obeys either.
        picture.colorspace = self._colour.matrix
        picture.color_primaries = self._colour.primaries
        picture.color_trc = self._colour.transfer
        return picture

    def _make(self, rgb: av.VideoFrame) -> Graph:
        graph = Graph()
        graph.threads = 1
        source = graph.add_buffer(
            width=rgb.width, height=rgb.height, format=rgb.format, time_base=Fraction(1)
        )
        matrix = f"out_color_matrix={self._colour.matrix}:out_range=limited"
        scale = graph.add("scale", f"flags=bicubic:out_chroma_loc=left:{matrix}")
        graph.link_nodes(source, scale, graph.add("format", "yuv420p"), graph.add("buffersink"))
        graph.configure()
        return graph


def _interleaved(picture: av.VideoFrame) -> Pixels:
    green, blue, red = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in picture.planes
    )
    return np.asarray(cv2.merge([red, green, blue]), np.uint8)


def display_matrix(picture: av.VideoFrame) -> npt.NDArray[np.int32] | None:
    """The nine numbers of the display matrix (ISO/IEC 14496-12, 8.2.2.3); None where there is none."""
    side_data: Any = picture.side_data  # typed upstream as if it held motion vectors only
    data = side_data.get(SideDataType.DISPLAYMATRIX)
    return None if data is None else np.frombuffer(bytes(data), np.int32)


def turns_sideways(matrix: npt.NDArray[np.int32] | None) -> bool:
    """True where width and height change places."""
    return matrix is not None and abs(int(matrix[1])) > abs(int(matrix[0]))


def _upright(pixels: Pixels, matrix: npt.NDArray[np.int32] | None) -> Pixels:
    """Turned and mirrored to the nearest quarter turn: x' = a·x + c·y, y' = b·x + d·y."""
    if matrix is None:
        return pixels
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    if turns_sideways(matrix):
        pixels, mirrored, flipped = pixels.transpose(1, 0, 2), c < 0, b < 0
    else:
        mirrored, flipped = a < 0, d < 0
    return pixels[:: -1 if flipped else 1, :: -1 if mirrored else 1]


def _eight_bit_format(pixel_format: av.VideoFormat) -> str | None:
    """The 8-bit format of the same chroma grid; None where the depth is 8 already, or it is no YUV."""
    if pixel_format.is_rgb or all(component.bits <= 8 for component in pixel_format.components):
        return None
    chroma = next((c for c in pixel_format.components if not c.is_luma), None)
    if chroma is None:
        return "gray"
    across, down = pixel_format.chroma_width(64), pixel_format.chroma_height(64)
    return {(32, 32): "yuv420p", (32, 64): "yuv422p"}.get((across, down), "yuv444p")
