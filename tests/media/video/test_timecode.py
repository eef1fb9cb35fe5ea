"""Timecodes: the number of a frame further on, also where some numbers are left out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import make_clip, through
from hypothesis import given
from hypothesis import strategies as st

from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.timecode import advanced

NTSC = Fraction(30_000, 1001)


@pytest.mark.parametrize(
    ("timecode", "fps", "seconds", "expected"),
    [
        ("01:00:00:00", Fraction(25), 10, "01:00:10:00"),
        ("01:00:00:20", Fraction(25), Fraction("0.4"), "01:00:01:05"),
        ("01:00:00:20", Fraction(24_000, 1001), 3600, "01:59:57:06"),  # it counts 24 where there are 23.976
        ("23:59:59:24", Fraction(25), Fraction("0.04"), "00:00:00:00"),
        ("01:00:00;00", NTSC, 10, "01:00:10;00"),
        ("01:00:59;29", NTSC, 1 / NTSC, "01:01:00;02"),  # 0 and 1 of a minute do not exist
        ("01:09:59;29", NTSC, 1 / NTSC, "01:10:00;00"),  # but of every tenth
        ("01:00:59.59", 2 * NTSC, 1 / NTSC / 2, "01:01:00.04"),
        ("23:59:59;29", NTSC, 1 / NTSC, "00:00:00;00"),
        ("00:00:00;00", NTSC, 3600, "01:00:00;00"),
        ("01:00:00:00", Fraction(25_600, 1061), 1800, "01:30:00:00"),  # 24, and the last one is shown longer
        ("01:00:00;00", Fraction(2996, 100), 10, "01:00:10;00"),
        ("1:00:00", Fraction(25), 0, None),
        ("01:00:00:00", Fraction(256), 0, None),
        ("01:00:00:00", Fraction(1, 3), 0, None),
        ("01:00:00;00", Fraction(25), 0, None),
    ],
)
def test_what_is_shown_so_much_later(
    timecode: str, fps: Fraction, seconds: Fraction, expected: str | None
) -> None:
    assert advanced(timecode, fps, Fraction(seconds)) == expected


@given(st.integers(0, 200_000), st.integers(0, 200_000))
def test_numbers_left_out_are_never_given_and_steps_add_up(first: int, second: int) -> None:
    there = advanced("00:00:00;00", NTSC, first / NTSC)
    assert there is not None
    _, minute, rest = there.split(":")
    assert int(minute) % 10 == 0 or rest not in ("00;00", "00;01")
    assert advanced(there, NTSC, second / NTSC) == advanced("00:00:00;00", NTSC, (first + second) / NTSC)


def timecode_of(path: Path) -> str | None:
    """Of the video, or the file."""
    with av.open(str(path)) as file:
        tags = file.metadata | file.streams.video[0].metadata
    return tags.get("timecode", tags.get("TIMECODE"))


@pytest.mark.parametrize("target", ["out.mp4", "out.mov", "out.mkv"])
@pytest.mark.parametrize(("mark", "rate"), [(":", Fraction(25)), (";", NTSC)])
def test_a_part_of_a_film_has_its_own(tmp_path: Path, target: str, mark: str, rate: Fraction) -> None:
    clip = make_clip(tmp_path / "clip.mkv", pts=range(40), time_base=1 / rate, context={"framerate": rate})
    source = tmp_path / "in.mov"
    with av.open(str(clip)) as file, av.open(str(source), "w") as output:
        copy = output.add_stream_from_template(file.streams.video[0])
        copy.codec_context.framerate = rate
        copy.metadata["timecode"] = f"01:00:00{mark}00"
        for packet in file.demux():
            if packet.size:
                packet.stream = copy
                output.mux(packet)
    for start, expected in ((None, f"01:00:00{mark}00"), (Fraction(1), f"01:00:01{mark}00")):
        through(source, target, VideoOptions(start=start, threads=1, preset="ultrafast"))
        assert timecode_of(tmp_path / target) == expected
