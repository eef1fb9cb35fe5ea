"""Which codecs are written, with which settings, into which containers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2

from style_transfer.errors import UserError

MOST_TICKS = 2**31 - 1  #: that an MP4 has room for between two packets; beyond, its muxer ends the process
_AVX512 = 256  # CV_CPU_AVX512_SKX, which OpenCV gives no name in Python
_X26X_PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"
)  # fmt: skip

VIDEO_EXTENSIONS = frozenset({
    ".264", ".265", ".3g2", ".3gp", ".asf", ".avi", ".f4v", ".flv", ".h264", ".h265", ".hevc", ".ivf",
    ".m1v", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogm",
    ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})  # fmt: skip
"""The file name extensions of what :class:`.VideoReader` reads, lower case."""


@dataclass(frozen=True)
class VideoCodec:
    """An encoder of FFmpeg's and what it is told; ``crf`` is the default, up to ``max_crf``."""

    encoder: str
    crf: int
    max_crf: int
    preset: str
    presets: tuple[str, ...]


CODECS = {
    "h264": VideoCodec("libx264", 18, 51, "veryfast", _X26X_PRESETS),
    "hevc": VideoCodec("libx265", 20, 51, "veryfast", _X26X_PRESETS),
    "av1": VideoCodec("libsvtav1", 24, 63, "9", tuple(str(n) for n in range(14))),
    "vp9": VideoCodec("libvpx-vp9", 24, 63, "6", tuple(str(n) for n in range(9))),
}
"""By the name a user gives; the defaults look alike and keep up with a network on two cores."""


@dataclass(frozen=True)
class Container:
    """A muxer of FFmpeg's; the first of ``codecs`` is the default, ``audio`` what foreign sound becomes."""

    muxer: str
    codecs: tuple[str, ...]
    audio: str
    fragmented: bool = False

    def growing_options(self) -> dict[str, str]:
        """Of a file that can be played while it is written, and after a power cut, to the last second."""
        if self.fragmented:
            return {
                "movflags": "+frag_keyframe+delay_moov+default_base_moof",
                "frag_duration": "1000000",
                "flush_packets": "1",
            }
        # Sound begins before 0 where it carries its encoder's delay; else everything would be moved by that.
        return {"cluster_time_limit": "1000", "flush_packets": "1", "avoid_negative_ts": "disabled"}

    def whole_options(self) -> dict[str, str]:
        """Of a file that is written at one go: an MP4 has its index in front, to play as it is loaded."""
        return {"movflags": "+faststart"} if self.fragmented else self.growing_options()


_MP4 = Container("mp4", ("h264", "hevc", "av1", "vp9"), "aac", fragmented=True)

CONTAINERS = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": Container("mov", ("h264", "hevc"), "aac", fragmented=True),
    ".mkv": Container("matroska", ("h264", "hevc", "av1", "vp9"), "aac"),
    ".webm": Container("webm", ("vp9", "av1"), "libopus"),
}
"""By extension, lower case."""


def container_for(target: Path) -> Container:
    """Raises ``UserError`` for an extension that is not written."""
    try:
        return CONTAINERS[target.suffix.lower()]
    except KeyError:
        raise UserError(
            f"'{target}' cannot be written as a video; end its name in one of {', '.join(CONTAINERS)}"
        ) from None


def codec_for(target: Path, codec: str | None) -> str:
    """``codec``, or the container's default for None. ``UserError`` where ``target`` cannot hold it."""
    container = container_for(target)
    if codec is None:
        return container.codecs[0]
    if codec not in CODECS:
        raise UserError(f"unknown codec '{codec}'; choose one of {', '.join(CODECS)}")
    if codec not in container.codecs:
        others = [suffix for suffix, other in CONTAINERS.items() if codec in other.codecs]
        raise UserError(
            f"a {target.suffix} file cannot hold {codec}, but {', '.join(container.codecs)};"
            f" choose one of these or name the result {' or '.join(others)}"
        )
    return codec


def encoder_options(codec: str, crf: int | None, preset: str | None, threads: int) -> dict[str, str]:
    """What the encoder of ``codec`` is told. ``UserError`` for a quality or preset it does not have."""
    known = CODECS[codec]
    crf = known.crf if crf is None else crf
    preset = known.preset if preset is None else preset
    if not 0 <= crf <= known.max_crf:
        raise UserError(
            f"the quality (crf) of {codec} goes from 0, best, to {known.max_crf}; {crf} is outside"
        )
    if preset not in known.presets:
        raise UserError(f"{codec} has no preset '{preset}'; choose one of {', '.join(known.presets)}")
    if codec == "vp9":
        return {"crf": str(crf), "b": "0", "cpu-used": preset, "deadline": "good", "row-mt": "1"}
    options = {"crf": str(crf), "preset": preset}
    if codec == "h264" and cv2.checkHardwareSupport(_AVX512):
        # With AVX-512 x264's macroblock tree gives another result each time, and segments of a video that
        # was interrupted would not be those of one that was not. AVX2 is no slower.
        options["x264-params"] = "asm=avx2,fma3,bmi2,lzcnt"
    elif codec == "hevc":
        options["x265-params"] = f"log-level=none:pools={threads or '*'}"
    elif codec == "av1" and threads:
        options["svtav1-params"] = f"lp={threads}"
    return options
