"""Whole conversions: times, sound, tags and colours kept; everything else as asked."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import QUICK, contents, drift, identity, make_clip, through
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from style_transfer.errors import UserError
from style_transfer.media.video.convert import convert, each
from style_transfer.media.video.format import encoder_options
from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.rate import parse_time
from style_transfer.media.video.reader import VideoReader, probe
from style_transfer.media.video.run import Progress

MS = Fraction(1, 1000)

VARIABLE = {
    "clock of 90 kHz": (
        Fraction(1, 90_000),
        [0, 3003, 6006, 15000, 15100, 45000, 48003, 90000, 93003, 96006],
    ),
    "NTSC": (Fraction(1001, 30_000), [0, 1, 2, 5, 6, 7, 20, 21, 22, 23]),
    "late start": (Fraction(1, 90_000), [123_457 + 3754 * n + (n % 3) * 700 for n in range(12)]),
    "1/1001": (Fraction(1, 1001), [7, 40, 77, 111, 300, 333, 370, 1000, 1033]),
}


@pytest.mark.parametrize("name", VARIABLE)
@pytest.mark.parametrize("target", ["out.mp4", "out.mov", "out.mkv"])
def test_every_frame_keeps_its_time(tmp_path: Path, name: str, target: str) -> None:
    base, pts = VARIABLE[name]
    options = {"preset": "ultrafast", "bf": "2", "b-adapt": "0"}
    source = make_clip(tmp_path / "in.mp4", pts=pts, time_base=base, options=options, sound="aac")
    before = contents(source)
    assert len(before.times) == len(pts)
    summary, after = through(source, target)
    offset, worst = drift(before.times, after.times)
    assert summary.frames == len(pts)
    if target.endswith(".mkv"):
        assert abs(offset) <= MS
        assert worst <= MS
    else:
        assert abs(offset) < MS
        assert worst == 0


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.integers(60, 40_000), min_size=1, max_size=8),
    start=st.integers(0, 200_000),
    bf=st.integers(0, 3),
)
def test_any_variable_rate_is_kept(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], start: int, bf: int
) -> None:
    folder = tmp_path_factory.mktemp("rate")
    pts = [start + sum(steps[:n]) for n in range(len(steps) + 1)]
    options = {"preset": "ultrafast", "bf": str(bf), "b-adapt": "0"}
    source = make_clip(folder / "in.mp4", pts=pts, time_base=Fraction(1, 90_000), options=options)
    offset, worst = drift(contents(source).times, through(source, "out.mp4")[1].times)
    assert abs(offset) < MS
    assert worst == 0


@pytest.mark.parametrize("target", ["out.mp4", "out.mov", "out.mkv"])
def test_sound_is_copied_byte_for_byte(tmp_path: Path, target: str) -> None:
    source = make_clip(tmp_path / "in.mp4", sound="aac", tracks=3)
    summary, after = through(source, target)
    assert after.packets["audio"] == contents(source).packets["audio"]
    assert after.languages == ["eng", "spa", "fra"]
    assert summary.notices == []


def test_sound_that_does_not_fit_is_reencoded_and_said(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", sound="aac")
    summary, after = through(source, "out.webm", VideoOptions(threads=1))
    assert [name.removeprefix("lib") for name in after.codecs["audio"]] == ["opus"]
    assert [name.removeprefix("libvpx-") for name in after.codecs["video"]] == ["vp9"]
    assert len(summary.notices) == 1
    assert "re-encoded to Opus" in summary.notices[0]
    length = len(after.packets["audio"][0]) * 0.02
    assert length == pytest.approx(len(contents(source).packets["audio"][0]) * 1024 / 48_000, abs=0.1)


def test_sound_that_cannot_be_decoded_is_said(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", sound="aac")
    source = tmp_path / "in.mkv"
    with av.open(str(clip)) as file, av.open(str(source), "w") as output:
        copies = {stream.index: output.add_stream_from_template(stream) for stream in file.streams}
        for packet in file.demux():
            if packet.size:
                noise = av.Packet(b"\x55" * packet.size) if packet.stream.type == "audio" else packet
                noise.pts, noise.dts, noise.time_base = packet.pts, packet.dts, packet.time_base
                noise.stream = copies[packet.stream.index]
                output.mux(noise)
    summary, after = through(source, "out.webm", VideoOptions(threads=1, preset="8"))
    assert "re-encoded" in summary.notices[0]
    assert summary.notices[1:] == ["track 1 is damaged; what could not be copied of it was left out"]
    assert len(after.times) == 12


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize(
    ("name", "sound"), [("in.avi", "pcm_s16le"), ("in.mkv", "pcm_s16le"), ("in.avi", "pcm_mulaw")]
)
@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
def test_sound_whose_channels_have_no_names_arrives(
    tmp_path: Path, name: str, sound: str, layout: str, target: str
) -> None:
    source = make_clip(tmp_path / name, pts=range(12), sound=sound, layout=layout)
    _, after = through(source, target)
    assert len(after.times) == 12
    with av.open(str(tmp_path / target)) as file:
        frames = list(file.decode(audio=0))
    assert {frame.layout.nb_channels for frame in frames} == {1 if layout == "mono" else 2}
    assert sum(frame.samples for frame in frames) / frames[0].sample_rate == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("target", ["out.mp4", "out.mov", "out.mkv"])
def test_sound_of_a_transport_stream_is_copied(tmp_path: Path, target: str) -> None:
    source = make_clip(tmp_path / "in.ts", time_base=Fraction(1, 12), sound="aac")
    summary, after = through(source, target)
    assert summary.notices == []
    assert after.codecs["audio"] == ["aac"]
    headed = contents(source).packets["audio"][0]
    header = 0 if target.endswith(".mkv") else 7  # of ADTS, which Matroska's muxer takes off by itself
    assert len(after.packets["audio"][0]) == len(headed)
    if header:
        assert after.packets["audio"][0] == [packet[header:] for packet in headed]


@pytest.mark.parametrize("name", ["in.ts", "in.mpg"])
def test_a_part_of_a_film_without_an_index_begins_where_it_should(tmp_path: Path, name: str) -> None:
    codec = "libx264" if name.endswith(".ts") else "mpeg2video"
    options = {"g": "60"} if codec == "mpeg2video" else {"preset": "ultrafast", "g": "120"}
    source = make_clip(
        tmp_path / name, pts=range(250), time_base=Fraction(1, 25), codec=codec, options=options, sound="mp2"
    )
    _, after = through(source, "out.mp4", replace(QUICK, start=Fraction(3)))
    assert len(after.times) == 175


@pytest.mark.parametrize("start", ["0.03", "0.11", "0.59"])
def test_a_start_between_the_ticks_of_a_coarse_clock(tmp_path: Path, start: str) -> None:
    source = make_clip(tmp_path / "in.avi", pts=range(25), time_base=Fraction(1, 25))
    with VideoReader(source) as reader:
        whole = [(frame.pts, frame.time_base) for frame in reader]
    first = round(Fraction(start) / whole[0][1])
    with VideoReader(source, VideoOptions(start=Fraction(start))) as reader:
        assert [frame.pts for frame in reader] == [pts - first for pts, _ in whole if pts >= first]


@pytest.mark.parametrize(("start", "left"), [(None, 50), (Fraction(1, 2), 37)])
def test_a_raw_stream_has_no_times_but_a_rate(tmp_path: Path, start: Fraction | None, left: int) -> None:
    source = make_clip(tmp_path / "in.h264", pts=range(50), time_base=Fraction(1, 25))
    with VideoReader(source, VideoOptions(start=start)) as reader:
        times = [frame.time for frame in reader]
    assert len(times) == left
    assert times[0] < Fraction(1, 25)
    assert {b - a for a, b in itertools.pairwise(times)} == {Fraction(1, 25)}


def test_the_partial_file_of_an_earlier_run_is_not_painted_over(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "out.partial.mp4")
    before = source.read_bytes()
    with pytest.raises(UserError, match="would overwrite the input"):
        convert(source, tmp_path / "out.mp4", identity, QUICK)
    assert source.read_bytes() == before


def test_sound_can_be_left_out(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", sound="aac")
    summary, after = through(source, "out.mp4", replace(QUICK, no_audio=True))
    assert "audio" not in after.packets
    assert summary.notices == []


def test_subtitles_chapters_and_tags(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mkv",
        sound="aac",
        subtitles="subrip",
        chapters=True,
        tags={"title": "A walk", "artist": "Me"},
    )
    before = contents(source)
    summary, after = through(source, "out.mkv")
    assert after.packets["subtitle"] == before.packets["subtitle"] == [[b"one", b"two"]]
    assert after.chapters == before.chapters == [(0.0, 0.5, "part 0"), (0.5, 1.0, "part 1")]
    assert (after.tags["title"], after.tags["ARTIST"]) == ("A walk", "Me")
    assert summary.notices == []
    summary, after = through(source, "out.mp4")
    assert after.chapters == before.chapters
    assert (after.tags["title"], after.tags["artist"]) == ("A walk", "Me")
    assert len(summary.notices) == 1
    assert "subtitle" in summary.notices[0]
    assert "left out" in summary.notices[0]


@pytest.mark.parametrize("name", ["out.mkv", "out.mp4"])
def test_of_tags_that_are_no_utf_8_what_can_be_read_is_kept(tmp_path: Path, name: str) -> None:
    source = make_clip(tmp_path / "in.mkv", chapters=True, tags={"title": "Café"})
    latin = source.read_bytes().replace("Café".encode(), b"Caf\xe9!").replace(b"part", b"p\xe4rt")
    source.write_bytes(latin)
    _, after = through(source, name)
    assert after.tags["title"] == "Caf\ufffd!"
    assert [title for _, _, title in after.chapters] == ["p\ufffdrt 0", "p\ufffdrt 1"]


@pytest.mark.parametrize(
    ("timecode", "base", "kept"),
    [
        ("01:02:03:04", Fraction(1, 25), True),
        ("01:02:03;04", Fraction(1001, 30_000), True),  # two numbers of each minute are left out
        ("01:02:03;04", Fraction(1, 25), False),
        ("01:02:03:04", Fraction(1, 480), False),
        ("noon", Fraction(1001, 30_000), False),
    ],
)
@pytest.mark.parametrize("target", ["out.mp4", "out.mov"])
def test_timecodes(tmp_path: Path, timecode: str, base: Fraction, kept: bool, target: str) -> None:
    clip = make_clip(tmp_path / "clip.mp4", time_base=base, context={"framerate": 1 / base})
    source = tmp_path / "in.mkv"
    with av.open(str(clip)) as file, av.open(str(source), "w") as output:
        output.metadata["timecode"] = timecode
        copy = output.add_stream_from_template(file.streams.video[0])
        for packet in file.demux():
            if packet.size:
                packet.stream = copy
                output.mux(packet)
    summary, after = through(source, target)
    assert (len(after.times), summary.notices) == (12, [])
    with av.open(str(tmp_path / target)) as file:
        assert file.streams.video[0].metadata.get("timecode") == (timecode if kept else None)
    again, _ = through(tmp_path / target, "again.mp4")
    assert again.notices == []


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv"])
@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_titles_and_languages_of_tracks(tmp_path: Path, name: str, suffix: str) -> None:
    plain = make_clip(tmp_path / "plain.mkv", sound="aac")
    source = tmp_path / f"in.{suffix}"
    with av.open(str(plain)) as file, av.open(str(source), "w") as output:
        copies = {stream.index: output.add_stream_from_template(stream) for stream in file.streams}
        copies[1].metadata.update({"title": "Kommentar", "language": "deu"})
        for packet in file.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                output.mux(packet)
    through(source, name)
    with av.open(str(tmp_path / name)) as file:
        tags = file.streams.audio[0].metadata
    assert "Kommentar" in (tags.get("title"), tags.get("name"))
    assert tags["language"] in ("deu", "ger")


def test_subtitles_at_the_edges_of_what_is_kept(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", pts=range(40), subtitles="subrip", shown=(100, 900))
    through(source, "out.mkv", replace(QUICK, start=Fraction(1, 4), end=Fraction(1)))
    assert _cues(tmp_path / "out.mkv") == [(0, 0.15), (0.65, 0.1)]


def test_subtitles_of_an_mp4(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", subtitles="mov_text")
    before = contents(source).packets["subtitle"]
    assert b"\0\3one" in before[0]
    assert through(source, "out.mp4")[1].packets["subtitle"] == before
    assert through(source, "out.mkv")[1].packets["subtitle"] == [[b"one", b"two"]]


@pytest.mark.parametrize("name", ["out.mp4", "out.mov"])
def test_subtitles_of_an_mp4_that_grew_in_several_fragments(tmp_path: Path, name: str) -> None:
    source = make_clip(
        tmp_path / "in.mp4", pts=range(40), sound="aac", subtitles="mov_text", shown=(200, 1900)
    )
    _, after = through(source, name)
    assert _cues(tmp_path / name) == _cues(source) == [(0, 0.2), (0.2, 0.3), (0.5, 1.4), (1.9, 0.3)]
    assert after.packets == contents(source).packets


def _cues(path: Path) -> list[tuple[float, float]]:
    with av.open(str(path)) as file:
        packets = [packet for packet in file.demux(file.streams.subtitles[0]) if packet.size]
    return [(float(p.pts * p.time_base), float(p.duration * p.time_base)) for p in packets]


@pytest.mark.parametrize(
    ("target", "codec", "found"),
    [("o.mp4", "h264", "h264"), ("o.mp4", "hevc", "hevc"), ("o.mp4", "av1", "av1"), ("o.webm", None, "vp9"),
     ("o.mkv", "vp9", "vp9"), ("o.mov", "hevc", "hevc")],
)  # fmt: skip
def test_codecs(tmp_path: Path, target: str, codec: str | None, found: str) -> None:
    source = make_clip(tmp_path / "in.mp4", size=(96, 64), pts=[0, 100, 250, 300], time_base=MS)
    _, after = through(source, target, VideoOptions(codec=codec, threads=1))
    assert found in after.codecs["video"][0].replace("libdav1d", "av1")
    assert drift(contents(source).times, after.times)[1] <= (0 if target.endswith("mp4") else MS)
    if found == "hevc":
        assert after.codec_tag == "hvc1"


@pytest.mark.parametrize("codec", ["av1", "h264"])
def test_a_rate_beyond_what_an_encoder_takes(tmp_path: Path, codec: str) -> None:
    fast = Fraction(1, 480)
    source = make_clip(tmp_path / "in.mp4", size=(96, 64), pts=range(60), time_base=fast)
    assert probe(source).fps > 240
    _, after = through(source, "out.mp4", VideoOptions(codec=codec, threads=1))
    assert drift(contents(source).times, after.times) == (0, 0)


def test_an_mp4_can_begin_to_play_before_it_is_loaded(tmp_path: Path) -> None:
    through(make_clip(tmp_path / "in.mp4"), "out.mp4")
    data = (tmp_path / "out.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"moof" not in data


@pytest.mark.parametrize(
    ("target", "options", "says"),
    [
        ("o.webm", VideoOptions(codec="h264"), "vp9, av1"),
        ("o.mov", VideoOptions(codec="av1"), "h264, hevc"),
        ("o.avi", VideoOptions(), ".mkv"),
        ("o.mp4", VideoOptions(codec="xvid"), "h264"),
        ("o.mp4", VideoOptions(crf=52), "51"),
        ("o.mp4", VideoOptions(preset="swift"), "veryfast"),
        ("o.mp4", VideoOptions(fps=Fraction(0)), "--fps must be above 0"),
        ("o.mp4", VideoOptions(start=Fraction(2), end=Fraction(1)), "before the start"),
        ("o.mp4", VideoOptions(preview=Fraction(0)), "--preview must be above 0"),
        ("o.mp4", VideoOptions(start=Fraction(99)), "no frames between"),
        ("o.mp4", VideoOptions(image_size=1), "must be from 2 to 16384"),
        ("in.mp4", VideoOptions(), "overwrite the input"),
    ],
)
def test_what_cannot_be_had_is_said_in_a_line(
    tmp_path: Path, target: str, options: VideoOptions, says: str
) -> None:
    source = make_clip(tmp_path / "in.mp4", pts=range(2))
    with pytest.raises(UserError, match=says) as caught:
        convert(source, tmp_path / target, identity, options)
    assert "\n" not in str(caught.value)
    assert [item.name for item in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
def test_a_part_begins_at_zero(tmp_path: Path, target: str) -> None:
    source = make_clip(tmp_path / "in.mp4", pts=range(24), sound="aac", chapters=True)
    part = replace(QUICK, start=Fraction(1, 2), end=Fraction(5, 4))
    _, after = through(source, target, part)
    assert len(after.times) == 9
    assert drift([Fraction(n, 12) for n in range(9)], after.times)[1] <= MS
    assert after.times[0] <= MS * 25
    assert after.chapters == [(0.0, 0.5, "part 1")]
    assert len(after.packets["audio"][0]) == pytest.approx(0.75 * 48_000 / 1024, abs=2)
    expected = contents(source).pixels[6]
    assert np.abs(after.pixels[0].astype(int) - expected).mean() < 4


def test_preview_is_the_first_seconds(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", pts=range(24))
    assert len(through(source, "out.mp4", replace(QUICK, preview=Fraction(1, 2)))[1].times) == 6


@pytest.mark.parametrize(
    ("fps", "frames"), [(Fraction(24), 24), (Fraction(6), 6), (Fraction(30_000, 1001), 30)]
)
def test_resampling_by_time(tmp_path: Path, fps: Fraction, frames: int) -> None:
    source = make_clip(tmp_path / "in.mp4", pts=range(12), sound="aac")
    painted = []
    convert(source, tmp_path / "out.mp4", each(lambda p: painted.append(1) or p), replace(QUICK, fps=fps))
    after = contents(tmp_path / "out.mp4")
    assert len(after.times) == frames
    assert drift([n / fps for n in range(frames)], after.times) == (0, 0)
    assert len(painted) == min(12, frames)
    assert after.packets["audio"] == contents(source).packets["audio"]


def test_scaling_and_side_by_side(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", pts=range(3))
    options = replace(QUICK, image_size=32, side_by_side=True)
    convert(source, tmp_path / "out.mp4", each(lambda pixels: 255 - pixels), options)
    image = contents(tmp_path / "out.mp4").pixels[1].astype(int)
    assert image.shape == (24, 64, 3)
    assert np.abs(image[-2, 4] - (40, 90, 160)).max() <= 8
    assert np.abs(image[-2, 60] - (215, 165, 95)).max() <= 8


def test_progress(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4")
    seen: list[Progress] = []
    convert(source, tmp_path / "out.mp4", identity, QUICK, progress=seen.append)
    assert [step.frames for step in seen] == list(range(1, 13))
    assert seen[-1].total == 12
    assert seen[-1].time == 1


@pytest.mark.parametrize(
    ("text", "seconds"), [("42.5", "42.5"), ("0:42.5", "42.5"), ("1:02:03", "3723"), (".5", ".5")]
)
def test_times(text: str, seconds: str) -> None:
    assert parse_time(text) == Fraction(seconds)


@pytest.mark.parametrize("text", ["", "x", "-1", "1:60", "1:2:3:4", "1:61:00", "1e3", "٣"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UserError, match="no time"):
        parse_time(text)


@pytest.mark.skipif("STYLE_TRANSFER_TEST_VIDEOS" not in os.environ, reason="needs STYLE_TRANSFER_TEST_VIDEOS")
@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
def test_a_real_film(tmp_path: Path, target: str) -> None:
    source = Path(os.environ["STYLE_TRANSFER_TEST_VIDEOS"]) / "bigbuckbunny.mp4"
    summary = convert(source, tmp_path / target, identity, replace(QUICK, image_size=160))
    before, after = contents(source, pixels=False), contents(tmp_path / target)
    offset, worst = drift(before.times, after.times)
    assert summary.frames == len(before.times) == 132
    assert abs(offset) < MS
    assert worst <= (MS if target.endswith("mkv") else 0)
    assert after.packets["audio"] == before.packets["audio"]


@pytest.mark.parametrize("wide", [True, False])
def test_h264_comes_out_the_same_each_time_on_cpus_with_avx512(
    wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2, "checkHardwareSupport", lambda feature: wide and feature == 256)
    assert ("avx2" in encoder_options("h264", None, None, 2).get("x264-params", "")) == wide
    assert "asm" not in str(encoder_options("hevc", None, None, 2))


def test_sound_that_changes_in_the_middle_is_encoded_on(tmp_path: Path) -> None:
    parts = [
        make_clip(tmp_path / f"{layout}.ts", pts=range(24), sound="aac", layout=layout)
        for layout in ("mono", "stereo")
    ]
    source = tmp_path / "in.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    summary = convert(source, tmp_path / "out.mkv", identity, replace(QUICK, codec="h264"))
    assert summary.complete
    convert(source, tmp_path / "out.webm", identity, VideoOptions(threads=1, preset="8"))
    found = contents(tmp_path / "out.webm")
    assert found.codecs["audio"] == ["opus"]
    assert len(found.packets["audio"][0]) > 1.5 * 50  # of 20 ms each: both parts are there
