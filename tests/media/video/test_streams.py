"""Streams beside the painted one: what re-encoding keeps of sound, what is left out and how that is said."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from av.stream import Disposition, Stream
from clips import QUICK, contents, make_clip, through
from PIL import Image

from style_transfer.media.video.format import container_for
from style_transfer.media.video.open import Packet
from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.streams import Copied, OtherStreams, kept_tags


def sound_of(path: Path) -> tuple[int, float]:
    """How many samples there are, and when the last one ends, in seconds."""
    with av.open(str(path)) as file:
        frames = list(file.decode(audio=0))
    assert frames[-1].time is not None
    return sum(frame.samples for frame in frames), frames[-1].time + frames[-1].samples / frames[-1].rate


@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("5.1", 6)])
def test_reencoded_sound_keeps_its_channels_and_has_bits_enough(
    tmp_path: Path, layout: str, channels: int
) -> None:
    source = make_clip(tmp_path / "in.mkv", sound="flac", layout=layout)
    through(source, "out.mov")
    with av.open(str(tmp_path / "out.mov")) as file:
        track = file.streams.audio[0]
        assert (track.codec_context.name, track.channels) == ("aac", channels)
        assert track.bit_rate == pytest.approx(96_000 * channels, rel=0.1)


def test_reencoded_sound_ends_where_it_did(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", sound="pcm_s16le")
    through(source, "out.webm", VideoOptions(threads=1, preset="8"))
    assert sound_of(tmp_path / "out.webm")[0] == sound_of(source)[0]


def remuxed(source: Path, target: Path, change: Callable[[int, Packet], Packet]) -> Path:
    """``source`` with ``change`` made to the packets of its sound, which are counted."""
    with av.open(str(source)) as file, av.open(str(target), "w") as output:
        copies = {stream.index: output.add_stream_from_template(stream) for stream in file.streams}
        count = 0
        for packet in file.demux():
            if packet.size:
                copy = copies[packet.stream.index]
                if packet.stream.type == "audio":
                    packet, count = change(count, packet), count + 1
                packet.stream = copy
                output.mux(packet)
    return target


def test_a_damaged_packet_of_sound_is_a_gap_and_is_said(tmp_path: Path) -> None:
    def spoiled(number: int, packet: Packet) -> Packet:
        if number not in (4, 5):
            return packet
        junk = av.Packet(bytes(50))
        junk.pts, junk.dts, junk.time_base = packet.pts, packet.dts, packet.time_base
        return junk

    whole = make_clip(tmp_path / "whole.mkv", sound="flac")
    source = remuxed(whole, tmp_path / "in.mkv", spoiled)
    summary, _ = through(source, "out.webm", VideoOptions(threads=1, preset="8"))
    assert summary.complete
    assert len(summary.notices) == 2  # the other: it is re-encoded
    assert "track 1 is damaged" in summary.notices[1]
    (samples, end), (before, ends) = sound_of(tmp_path / "out.webm"), sound_of(whole)
    assert 0.6 * before < samples < before
    assert end == pytest.approx(ends, abs=0.03)


def test_damage_is_said_once_a_track(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_carrier: Copied, _packet: Packet) -> list[Packet]:
        raise av.error.InvalidDataError(1, "no data")

    monkeypatch.setattr(Copied, "__call__", refuse)
    target = tmp_path / "out.mkv"
    with (
        av.open(str(make_clip(tmp_path / "in.mkv", sound="aac"))) as file,
        av.open(str(target), "w") as output,
    ):
        others = OtherStreams(file.streams.audio, output, container_for(target), target, no_audio=False)
        for packet in file.demux(audio=0):
            others.mux(packet)
    assert others.notices == ["track 1 is damaged; what could not be copied of it was left out"]


def with_more(source: Path, target: Path, cover: bool) -> Path:
    """``source`` with a font attached, or a cover picture."""
    with av.open(str(source)) as file, av.open(str(target), "w") as output:
        copy = output.add_stream_from_template(file.streams.video[0])
        if cover:
            _add_cover(output)
        else:
            output.add_attachment("font.ttf", "font/ttf", b"a font")
        for packet in file.demux():
            if packet.size:
                packet.stream = copy
                output.mux(packet)
    return target


def _add_cover(output: av.container.OutputContainer) -> None:
    png = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(png, "PNG")
    stream = output.add_stream("png", rate=1, width=16, height=16, pix_fmt="rgb24")
    stream.disposition = Disposition.attached_pic
    output.start_encoding()
    packet = av.Packet(png.getvalue())
    packet.pts, packet.dts, packet.time_base, packet.stream = 0, 0, stream.time_base, stream
    output.mux(packet)


def test_fonts_stay_with_matroska(tmp_path: Path) -> None:
    source = with_more(make_clip(tmp_path / "plain.mkv", pts=range(4)), tmp_path / "in.mkv", cover=False)
    assert through(source, "out.mkv")[0].notices == []
    with av.open(str(tmp_path / "out.mkv")) as file:
        attached: list[Stream] = [stream for stream in file.streams if stream.type == "attachment"]
        assert [(stream.metadata["filename"], stream.data) for stream in attached] == [
            ("font.ttf", b"a font")
        ]
    assert through(source, "out.mp4")[0].notices == [
        "the attachment track 1 (font.ttf) is left out: a .mp4 file cannot hold it; .mkv may"
    ]


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_a_cover_is_left_out_and_said(tmp_path: Path, name: str) -> None:
    source = with_more(make_clip(tmp_path / "plain.mp4", pts=range(4)), tmp_path / "in.mp4", cover=True)
    summary, after = through(source, name, QUICK)
    assert summary.notices == ["the cover picture is left out"]
    assert len(after.times) == len(contents(tmp_path / "plain.mp4").times)


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.mov"])
def test_what_a_track_is_for_is_kept_or_it_is_said(tmp_path: Path, name: str) -> None:
    source = make_clip(tmp_path / "plain.mkv", pts=range(4), sound="aac", tracks=2)
    purpose = Disposition.comment | Disposition.forced | Disposition.visual_impaired
    with av.open(str(source)) as file, av.open(str(tmp_path / "in.mkv"), "w") as output:
        copies = {stream.index: output.add_stream_from_template(stream) for stream in file.streams}
        copies[1].disposition, copies[2].disposition = purpose, Disposition.default
        for packet in file.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                output.mux(packet)
    notices = through(tmp_path / "in.mkv", name)[0].notices
    with av.open(str(tmp_path / name)) as file:
        first, second = (stream.disposition for stream in file.streams.audio)
    assert not first & Disposition.default
    assert second == Disposition.default
    if name == "out.mov":
        (notice,) = notices
        assert "track 1 (aac) is no longer marked as comment, forced, visual impaired" in notice
    else:
        assert (first & purpose, notices) == (purpose, [])


def test_what_a_muxer_noted_of_another_file_is_dropped() -> None:
    stale = {"encoder": "x", "BPS": "9", "DURATION-eng": "0:01", "_STATISTICS_TAGS-eng": "BPS"}
    assert kept_tags({**stale, "title": "A walk", "ARTIST": "Me"}) == {"title": "A walk", "ARTIST": "Me"}
