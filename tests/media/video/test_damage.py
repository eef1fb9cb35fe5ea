"""Damaged files: what can be read of them is kept, and it is never taken for a fault of the result."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import pytest
from clips import QUICK, contents, identity, make_clip, through
from test_streams import sound_of

from style_transfer.errors import InputFileError
from style_transfer.media.video import reader
from style_transfer.media.video.convert import convert
from style_transfer.media.video.damage import Damage
from style_transfer.media.video.open import Packet

HOUR = 3600


def patched(source: Path, where: bytes, skip: int, new: bytes) -> Path:
    """``source`` with other bytes, so many after the end of the first ``where``."""
    data = bytearray(source.read_bytes())
    at = data.index(where) + len(where) + skip
    data[at : at + len(new)] = new
    source.write_bytes(data)
    return source


@pytest.mark.parametrize(
    ("name", "numbers"),  # of cases, some of which ended the process or were laid on the result
    [
        ("in.flv", (3, 19, 66, 78, 83, 87, 89, 111)),
        ("in.mov", (44, 63, 85, 115, 140)),
        ("in.mkv", range(6)),
        ("in.ts", range(6)),
    ],
)
def test_whatever_bits_are_wrong(tmp_path: Path, name: str, numbers: Sequence[int]) -> None:
    source = make_clip(tmp_path / name, pts=range(20), sound="aac")
    data = source.read_bytes()
    for number in numbers:
        fate, flipped = random.Random(f"{name}{number}"), bytearray(data)
        for _ in range(16):
            flipped[fate.randrange(len(data))] ^= 1 << fate.randrange(8)
        source.write_bytes(flipped)
        with suppress(InputFileError):
            convert(source, tmp_path / f"out{number}.{fate.choice(('mp4', 'mkv'))}", identity, QUICK)
        assert not list(tmp_path.glob("*.partial*"))


def falsify(monkeypatch: pytest.MonkeyPatch, kind: str, seconds: Callable[[int], int]) -> None:
    """Move the times of a file's packets of a ``kind`` by so many seconds, counted from 0."""
    whole = reader.packets_of

    def false(container: av.container.InputContainer) -> Iterator[Packet]:
        count = 0
        for packet in whole(container):
            if packet.stream.type == kind and packet.pts is not None and packet.dts is not None:
                ticks = round(seconds(count) / packet.time_base)
                packet.pts, packet.dts, count = packet.pts + ticks, packet.dts + ticks, count + 1
            yield packet

    monkeypatch.setattr(reader, "packets_of", false)


@dataclass
class FakePacket:
    """Of one stream, by a clock of seconds."""

    pts: int
    time_base: Fraction = Fraction(1)
    is_corrupt: bool = False

    def __post_init__(self) -> None:
        self.dts, self.stream = self.pts, SimpleNamespace(index=1)


def kept(end: int | None, *seconds: int) -> list[int]:
    damage = Damage(0, "mov,mp4", None if end is None else Fraction(end))
    packets = damage(cast("Any", [FakePacket(time) for time in seconds]))
    return [packet.pts for packet in packets if packet.pts is not None]


def test_times_that_no_whole_file_goes_on_with() -> None:
    assert kept(None, 50_000, 50_001, 53_601, 57_202, 53_602) == [50_000, 50_001, 53_601, 53_602]
    assert kept(100, 1, 100, 109, 130, 110) == [1, 100, 109, 110]  # more than is said goes on
    assert kept(9000, 0, 3000, 6000, 9000) == [0, 3000, 6000, 9000]  # a talk over one still


@pytest.mark.parametrize("hours", [12, -12])
@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
def test_a_false_time_of_the_picture_becomes_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, hours: int
) -> None:
    source = make_clip(tmp_path / "in.mkv", pts=range(0, 30000, 1000), time_base=Fraction(1, 12_000))
    falsify(monkeypatch, "video", lambda number: hours * HOUR * (number == 20))
    summary, after = through(source, target)
    assert summary.truncated
    times = [n / Fraction(12) for n in range(30)]
    assert after.times == [pytest.approx(float(time), abs=0.05) for time in times]


@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
def test_sound_that_would_come_long_after_the_end_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    source = make_clip(tmp_path / "in.mkv", pts=range(30), sound="aac")
    falsify(monkeypatch, "audio", lambda number: 60 * (number == 20))
    summary, after = through(source, target)
    assert summary.truncated
    assert len(after.packets["audio"][0]) == len(contents(source).packets["audio"][0]) - 1


@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
def test_sound_whose_first_header_is_damaged(tmp_path: Path, target: str) -> None:
    source = patched(make_clip(tmp_path / "in.ts", sound="aac"), b"\xff\xf1\x4c", -2, b"\x00")
    through(source, target)
    assert sound_of(tmp_path / target)[0] > 40_000


def test_sound_that_is_none(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", sound="aac")
    data = source.read_bytes()
    at = data.index(b"\x40\x15", data.index(b"esds"))  # AAC, sound
    source.write_bytes(data[:at] + b"\x20" + data[at + 1 :])  # MPEG-4, pictures
    summary, after = through(source, "out.mp4")
    assert summary.notices == ["a damaged track is left out"]
    assert len(after.times) == 12


def test_a_clock_that_stands_still(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.avi", codec="mjpeg", options={"q": "3"}, pix_fmt="yuvj420p")
    with pytest.raises(InputFileError, match=r"in\.avi.*clock"):
        convert(patched(source, b"vids", 16, b"\xff\xff\xff\x0f"), tmp_path / "out.mp4", identity, QUICK)


def test_a_last_frame_of_years(tmp_path: Path) -> None:
    source = patched(make_clip(tmp_path / "in.mp4", pts=range(1)), b"stts", 12, b"\xf0")
    _, after = through(source, "out.mp4")
    assert len(after.times) == 1
