"""Clocks that jump, tracks that begin late, pictures that change in the middle."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from clips import QUICK, contents, identity, make_clip, mux_tone, picture, through

from style_transfer.media.video.continuity import Continuity
from style_transfer.media.video.convert import convert
from style_transfer.media.video.late import late_tracks
from style_transfer.media.video.writer import VideoWriter


def shifted(source: Path, seconds: int) -> bytes:
    """The same film, by a clock that is ahead."""
    target = source.with_stem(f"{source.stem}-{seconds}")
    with av.open(str(source)) as file, av.open(str(target), "w") as output:
        streams = [output.add_stream_from_template(stream) for stream in file.streams]
        for packet in file.demux():
            if packet.size and packet.pts is not None and packet.dts is not None:
                ticks = round(seconds / packet.time_base)
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                packet.stream = streams[packet.stream.index]
                output.mux(packet)
    return target.read_bytes()


@pytest.mark.parametrize("name", ["in.ts", "in.mpg"])
@pytest.mark.parametrize("clocks", [(20, 0), (0, 3000), (0, 0)])
def test_files_joined_end_to_end_play_on(tmp_path: Path, name: str, clocks: tuple[int, int]) -> None:
    codec, options = ("mpeg2video", {}) if name == "in.mpg" else ("libx264", None)
    part = make_clip(
        tmp_path / f"part-{name}", pts=range(24), codec=codec, options=options,
        time_base=Fraction(1, 24), context={"framerate": 24}, sound="mp2",
    )  # fmt: skip
    source = tmp_path / name
    source.write_bytes(b"".join(shifted(part, clock) for clock in clocks))
    summary, after = through(source, "out.mkv")
    assert len(after.times) in (47, 48)  # where the second begins a decoder may miss one
    steps = [later - earlier for earlier, later in pairwise(after.times)]
    assert min(steps) > Fraction(1, 30)
    assert max(steps) < Fraction(1, 5)
    assert len(after.packets["audio"][0]) == 2 * len(contents(part).packets["audio"][0])
    assert summary.notices == ["the file's clock jumps; the result's goes on"]
    assert not summary.truncated


def test_pieces_of_a_stream_are_whole_until_one_is_damaged(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 48, 64, 3), np.uint8)
    part = make_clip(tmp_path / "part.ts", pts=range(24), time_base=Fraction(1, 24), pixels=pixels)
    data = shifted(part, 0) + shifted(part, 1)  # its clock goes on, the count of its packets does not
    source = tmp_path / "in.ts"
    source.write_bytes(data)
    with av.open(str(source)) as file:
        assert any(packet.is_corrupt for packet in file.demux())
    summary, after = through(source, "out.mkv")
    assert len(after.times) == 48
    assert not summary.truncated
    assert summary.notices == []

    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    inside = [number for number, packet in enumerate(packets) if packet[1:3] == b"\x01\x00"]
    for lost in inside[len(inside) // 3], inside[len(inside) // 2 + 3]:  # of the second one's key frame
        source.write_bytes(b"".join(packets[:lost] + packets[lost + 1 :]))
        assert through(source, "out.mkv")[0].truncated


def test_sound_that_is_longer_than_its_picture_overlaps_nothing(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "bf": "2", "b-adapt": "0"}
    part = make_clip(
        tmp_path / "part.ts", pts=range(25), time_base=Fraction(1, 25), options=options, sound="aac"
    )
    source = tmp_path / "in.ts"
    source.write_bytes(part.read_bytes() * 3)
    summary, after = through(source, "out.mp4")
    assert summary.notices == ["the file's clock jumps 2 times; the result's goes on"]
    assert {b - a for a, b in pairwise(after.times)} == {Fraction(1, 25)}
    assert len(after.packets["audio"][0]) >= 3 * len(contents(part).packets["audio"][0]) - 4


def test_a_clock_that_begins_late_is_set_to_zero(tmp_path: Path) -> None:
    part = make_clip(tmp_path / "part.ts", pts=range(24), time_base=Fraction(1, 24), sound="mp2")
    source = tmp_path / "in.ts"
    source.write_bytes(shifted(part, 3000))
    summary, after = through(source, "out.mkv")
    begins = contents(source).times[0]
    assert summary.notices == [f"the file's clock begins at {float(begins):.0f} s; the result's at 0"]
    assert after.times[0] < Fraction(1, 10)
    assert after.packets["audio"] == contents(source).packets["audio"]


@dataclass
class FakeStream:
    index: int


@dataclass
class FakePacket:
    """A twentieth of a second, by a clock of milliseconds."""

    index: int
    dts: int | None
    duration: int = 50
    time_base: Fraction = Fraction(1, 1000)

    def __post_init__(self) -> None:
        self.pts, self.stream = self.dts, FakeStream(self.index)


def moved(*packets: FakePacket) -> tuple[list[tuple[int, int | None]], int]:
    continuity = Continuity(0)
    result = [(p.stream.index, p.dts) for p in continuity(cast("list[Any]", packets))]
    return result, continuity.jumps


def test_one_false_time_is_one_false_time() -> None:
    hour = 3_600_000
    times = [0, 50, 100 + hour, 150, 200]
    assert moved(*(FakePacket(0, time) for time in times)) == ([(0, t) for t in (0, 50, 100, 150, 200)], 2)


def test_sound_moves_with_the_picture_wherever_it_lies_in_the_file() -> None:
    before = [FakePacket(0, 90_000), FakePacket(1, 90_000), FakePacket(0, 90_050)]
    early, picture_, late = FakePacket(1, 20), FakePacket(0, 0), FakePacket(2, 90_060)
    result, jumps = moved(*before, early, picture_, late, FakePacket(1, 60))
    assert result == [
        (0, 90_000),
        (1, 90_000),
        (0, 90_050),
        (0, 90_100),
        (1, 90_120),
        (2, 90_060),
        (1, 90_160),
    ]
    assert jumps == 1


def test_a_clock_that_is_set_back_by_little() -> None:
    before = [FakePacket(0, 1000), FakePacket(1, 1000), FakePacket(0, 1050)]
    late, early = FakePacket(2, 1080), FakePacket(1, 20)
    result, jumps = moved(*before, early, FakePacket(0, 0), late, FakePacket(1, 60))
    assert result == [(0, 1000), (1, 1000), (0, 1050), (0, 1100), (1, 1120), (2, 1080), (1, 1160)]
    assert jumps == 1


def test_gaps_in_the_sound_and_missing_times_move_nothing() -> None:
    packets = [FakePacket(0, 0), FakePacket(1, 30_000), FakePacket(0, None), FakePacket(0, 9_000)]
    result, jumps = moved(*packets, FakePacket(0, 18_000), FakePacket(0, 27_000))
    assert result == [(0, 0), (0, None), (0, 9_000), (0, 18_000), (0, 27_000), (1, 30_000)]
    assert jumps == 0


def clip_with_commentary(path: Path, begins: float, length: float = 1.0) -> Path:
    """Six seconds of pictures, sound from the beginning, and a track that ``begins`` later; or never."""
    with av.open(str(path), "w") as output:
        video: Any = output.add_stream("libx264", rate=12, time_base=Fraction(1, 12), width=64, height=48)
        video.codec_context.options = {"preset": "ultrafast", "bf": "0", "g": "6"}
        tracks: list[Any] = [output.add_stream("aac", rate=48_000) for _ in range(2)]
        for track in tracks:
            track.layout = "mono"
        output.start_encoding()
        mux_tone(output, tracks[0], 6.0)
        for number in range(72):
            frame = av.VideoFrame.from_ndarray(picture(number, 64, 48)).reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 12)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        size = tracks[1].codec_context.frame_size
        for start in range(0, int(length * 48_000), size):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, size), np.float32), "fltp", "mono")
            sound.sample_rate, sound.time_base = 48_000, Fraction(1, 48_000)
            sound.pts = int(begins * 48_000) + start
            output.mux(tracks[1].encode(sound))
        output.mux(tracks[1].encode(None))
    return path


@pytest.mark.parametrize("length", [1.0, 0.0])
def test_a_track_that_begins_late_keeps_nothing_else_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: float
) -> None:
    source = clip_with_commentary(tmp_path / "in.mkv", 4.0, length)
    before = contents(source)
    assert [len(packets) > 0 for packets in before.packets["audio"]] == [True, length > 0]
    grown: list[int] = []
    write = VideoWriter.write

    def watched(writer: VideoWriter, item: Any) -> None:
        write(writer, item)
        grown.append(writer.partial.stat().st_size if writer.partial.exists() else 0)

    monkeypatch.setattr(VideoWriter, "write", watched)
    summary = convert(source, tmp_path / "out.mp4", identity, QUICK)
    assert grown[len(grown) // 2] > 1000
    after = contents(tmp_path / "out.mp4")
    assert summary.complete
    assert after.times == before.times
    assert after.packets["audio"] == [packets for packets in before.packets["audio"] if packets]


@pytest.mark.parametrize("name", ["out.mp4", "out.mov"])
def test_packets_of_one_time_all_arrive(tmp_path: Path, name: str) -> None:
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as output:
        videos: list[Any] = [output.add_stream(codec, rate=12) for codec in ("libx264", "mjpeg")]
        for video, form in zip(videos, ("yuv420p", "yuvj420p"), strict=True):
            video.width, video.height, video.pix_fmt = 64, 48, form
        output.start_encoding()
        for number in range(24):
            for video in videos:
                frame = av.VideoFrame.from_ndarray(picture(number, 64, 48)).reformat(format=video.pix_fmt)
                frame.pts, frame.time_base = number, Fraction(1, 12)
                for packet in video.encode(frame):
                    if video is videos[1]:  # in bursts
                        packet.pts = packet.dts = number // 4 * 4
                    output.mux(packet)
        output.mux(videos[0].encode(None))
    summary, _ = through(source, name)
    assert summary.notices == []
    with av.open(str(tmp_path / name)) as file:
        times = [float(packet.pts * packet.time_base) for packet in file.demux(video=1) if packet.size]
    assert np.abs(np.array(times) - np.arange(24) // 4 / 3).max() < 0.005


def test_which_tracks_are_late(tmp_path: Path) -> None:
    source = clip_with_commentary(tmp_path / "in.mkv", 4.0)
    with av.open(str(source)) as file:
        video, others = file.streams.video[0], file.streams.audio
        late = others[1].index
        assert late_tracks(source, video, others, None) == {late}
        assert late_tracks(source, video, others, Fraction(3)) == set()
        assert late_tracks(source, video, [], None) == set()
    source = clip_with_commentary(tmp_path / "in.ts", 0.0)
    with av.open(str(source)) as file:
        video, others = file.streams.video[0], file.streams.audio
        begins = Fraction(file.start_time, 1_000_000) + 3  # when the commentary has ended
        assert late_tracks(source, video, others, None) == set()
        assert late_tracks(source, video, others, begins) == {others[1].index}


def test_an_interlaced_broadcast_may_change_its_size(tmp_path: Path) -> None:
    parts = [
        make_clip(
            tmp_path / f"{width}.ts", size=(width, 64), pts=range(start, start + 6),
            time_base=Fraction(1, 12), context={"flags": 1 << 18},
            options={"preset": "ultrafast", "bf": "0", "x264-params": "tff=1"},
        )
        for width, start in ((64, 0), (96, 6))
    ]  # fmt: skip
    source = tmp_path / "in.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    summary, after = through(source, "out.mkv")
    assert summary.complete
    assert len(after.times) in (11, 12)
    assert after.width == 64
