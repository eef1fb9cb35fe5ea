"""Tiny videos made by the tests, and what is in a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation

from style_transfer.media.video.convert import convert, each
from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.run import Summary

ACCURATE = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND


def picture(number: int, width: int, height: int) -> np.ndarray:
    """A bright square on a coloured ground, further to the right with each ``number``."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = (40, 90, 160)
    left = number * 2 % max(1, width - 8)
    pixels[height // 4 : height // 4 + 8, left : left + 8] = (230, 200, 60)
    return pixels


def make_clip(
    path: Path,
    *,
    size: tuple[int, int] = (64, 48),
    pts: Sequence[int] = range(12),
    time_base: Fraction = Fraction(1, 12),
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
    context: dict[str, Any] | None = None,
    pixels: np.ndarray | Sequence[np.ndarray] | None = None,
    rotation: float | None = None,
    mirrored: bool = False,
    sound: str | None = None,
    layout: str = "mono",
    tracks: int = 1,
    subtitles: str | None = None,
    shown: Sequence[int] = (0, 400),
    chapters: bool = False,
    tags: dict[str, str] | None = None,
) -> Path:
    """Encode frames at ``pts`` × ``time_base``; ``context`` sets attributes of the encoder.

    Two subtitles begin at the milliseconds ``shown`` and last 300 ms each.
    """
    width, height = size
    with av.open(str(path), "w") as output:
        output.metadata.update(tags or {})
        video: Any = output.add_stream(codec, rate=12, time_base=time_base, width=width, height=height)
        video.codec_context.options = options or {"preset": "ultrafast", "bf": "0"}
        video.codec_context.thread_count = 1
        video.pix_fmt = pix_fmt
        for name, value in (context or {}).items():
            setattr(video.codec_context, name, value)
        if rotation is not None:
            video.set_display_rotation(rotation, hflip=mirrored)
        audio: list[Any] = [output.add_stream(sound, rate=48_000) for _ in range(tracks if sound else 0)]
        for number, track in enumerate(audio):
            track.layout = layout
            track.metadata["language"] = ("eng", "spa", "fra")[number]
        titles: Any = output.add_mux_stream(subtitles, time_base=Fraction(1, 1000)) if subtitles else None
        if chapters:
            output.set_chapters(
                [
                    {"id": n, "start": n * 500, "end": n * 500 + 500, "time_base": Fraction(1, 1000),
                     "metadata": {"title": f"part {n}"}}
                    for n in (1, 0)[::-1]
                ]
            )  # fmt: skip
        output.start_encoding()
        if titles:
            for at, text in zip(shown, (b"one", b"two"), strict=True):
                packet: Any = av.Packet(
                    text if subtitles == "subrip" else len(text).to_bytes(2, "big") + text
                )
                packet.stream, packet.time_base = titles, Fraction(1, 1000)
                packet.pts = packet.dts = at
                packet.duration = 300
                output.mux(packet)
        for track in audio:
            mux_tone(output, track, float((pts[-1] - pts[0]) * time_base) if len(pts) else 1.0)
        for number, when in enumerate(pts):
            image = picture(number, width, height) if pixels is None else np.asarray(pixels)
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(image if image.ndim == 3 else image[number])
            )
            frame = frame.reformat(
                format=pix_fmt,
                dst_colorspace={1: 1, 9: 9}.get(getattr(video.codec_context, "colorspace", 2), 5),
                dst_color_range=2 if getattr(video.codec_context, "color_range", 1) == 2 else 1,
            )
            frame.pts, frame.time_base = when, time_base
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    return path


def mux_tone(output: Any, track: Any, seconds: float) -> None:
    size = track.codec_context.frame_size or 1024
    for start in range(0, max(size, int(seconds * 48_000)), size):
        wave = np.sin(np.arange(start, start + size) * 0.05) * 0.3
        form = track.codec_context.format.name
        samples = (wave * 32767).astype(np.int16) if form.startswith("s16") else wave.astype(np.float32)
        channels, packed = track.layout.nb_channels, form in ("s16", "flt")
        samples = np.repeat(samples, channels)[None] if packed else np.tile(samples, (channels, 1))
        frame = av.AudioFrame.from_ndarray(samples, format=form, layout=track.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        output.mux(track.encode(frame))
    output.mux(track.encode(None))


def make_sound(path: Path) -> Path:
    with av.open(str(path), "w") as output:
        track: Any = output.add_stream("aac", rate=48_000)
        track.layout = "mono"
        mux_tone(output, track, 0.5)
    return path


@dataclass
class Contents:
    """``times`` of the frames in seconds, ``packets`` of each other stream, and the video's facts."""

    times: list[Fraction]
    pixels: list[np.ndarray]
    packets: dict[str, list[list[bytes]]]
    codecs: dict[str, list[str]]
    languages: list[str | None]
    chapters: list[tuple[float, float, str]]
    tags: dict[str, str]
    width: int
    height: int
    aspect: Fraction | None
    colours: tuple[int, int, int, int]
    rotation: int
    codec_tag: str
    pix_fmt: str | None


def contents(path: Path, *, pixels: bool = True) -> Contents:
    """Read back without the package; ``pixels`` False leaves them out, as converting large ones is slow."""
    packets: dict[int, list[bytes]] = {}
    with av.open(str(path)) as file:
        for packet in file.demux():
            if packet.size and packet.stream.type != "video":
                packets.setdefault(packet.stream.index, []).append(bytes(packet))
    with av.open(str(path)) as file:
        frames = list(file.decode(video=0))
        video = file.streams.video[0]
        by_type: dict[str, list[list[bytes]]] = {}
        codecs: dict[str, list[str]] = {}
        for stream in file.streams:
            by_type.setdefault(stream.type, []).append(packets.get(stream.index, []))
            codecs.setdefault(stream.type, []).append(
                stream.codec_context.name if stream.codec_context else ""
            )
        return Contents(
            times=[frame.pts * frame.time_base for frame in frames],
            pixels=[frame.to_ndarray(format="rgb24", interpolation=ACCURATE) for frame in frames if pixels],
            packets=by_type,
            codecs=codecs,
            languages=[stream.language for stream in file.streams.audio],
            chapters=[
                (
                    float(c["start"] * c["time_base"]),
                    float(c["end"] * c["time_base"]),
                    c["metadata"].get("title", ""),
                )
                for c in file.chapters()
            ],
            tags=dict(file.metadata),
            width=video.width,
            height=video.height,
            aspect=video.sample_aspect_ratio,
            colours=(video.colorspace, video.color_primaries, video.color_trc, video.color_range),
            rotation=frames[0].rotation,
            codec_tag=video.codec_tag,
            pix_fmt=video.pix_fmt,
        )


def drift(before: Sequence[Fraction], after: Sequence[Fraction]) -> tuple[Fraction, Fraction]:
    """The constant offset between two lists of times, and how far the worst pair is from it."""
    assert len(before) == len(after)
    offsets = [b - a for a, b in zip(before, after, strict=True)]
    return offsets[0], max(abs(offset - offsets[0]) for offset in offsets)


QUICK = VideoOptions(threads=1, preset="ultrafast")
identity = each(lambda pixels: pixels)


def through(source: Path, target: str, options: VideoOptions = QUICK) -> tuple[Summary, Contents]:
    path = source.with_name(target)
    summary = convert(source, path, identity, options)
    assert summary.path == path
    assert not list(path.parent.glob("*.partial*"))
    return summary, contents(path)
