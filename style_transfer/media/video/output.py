"""Output files: opening them with a source's tags, and copying what is encoded already into them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from fractions import Fraction
from operator import attrgetter
from pathlib import Path
from typing import cast

import av
from av.container import OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from style_transfer.errors import OutputError, StyleTransferError
from style_transfer.files import atomic_path, refusal
from style_transfer.media.video.format import Container, container_for
from style_transfer.media.video.open import Packet, local, reason
from style_transfer.media.video.reader import VideoReader
from style_transfer.media.video.source import Source
from style_transfer.media.video.streams import OtherStreams, copy_stream, describe_as, kept_tags
from style_transfer.media.video.timecode import advanced

# Times of edit lists are in this unit of a file's; the default, a millisecond, would round the first frame's.
_MAX_TIMESCALE = 1_000_000


def new_output(
    path: Path, source: Source, container: Container, base: Fraction, options: dict[str, str]
) -> OutputContainer:
    """An empty file with the tags and chapters of ``source``, for frames whose times are in ``base``."""
    if container.fragmented:
        timescale = min(base.denominator, _MAX_TIMESCALE)
        options = options | {"movie_timescale": str(max(timescale, 1000))}
    output = av.open(local(path), "w", format=container.muxer, container_options=options)
    output.metadata.update(kept_tags(source.metadata))
    _set_timecode(output.metadata, source)
    output.set_chapters(source.chapters())
    return output


def tag(stream: Stream, source: Source, output: OutputContainer) -> None:
    """Give ``stream`` the tags of the video that it is painted from, and no others."""
    if source.stream is not None:
        stream.metadata.clear()  # a segment's are the result's already
        describe_as(source.stream, stream, output)
        _set_timecode(stream.metadata, source)


def _set_timecode(tags: dict[str, str], source: Source) -> None:
    """Make a timecode in ``tags`` that of the result's first frame; one that cannot be is left out."""
    for key in [key for key in tags if key.lower() == "timecode"]:
        timecode = advanced(tags.pop(key), source.info.fps, source.offset)
        if timecode is not None:
            tags[key] = timecode


def output_error(path: Path, error: Exception) -> OutputError:
    """What to raise for what a muxer or encoder raised."""
    if isinstance(error, OSError):
        return refusal(path, error)
    return OutputError(f"cannot write '{path}': {reason(error)}; choose another folder with -o")


def remux(
    grown: Path, target: Path, source: Source, base: Fraction, waiting: Sequence[Packet], *, no_audio: bool
) -> list[str]:
    """Write the fragmented MP4 ``grown`` anew into ``target`` as a plain one, its index in front.

    ``waiting`` are packets of ``source``'s that are not in it yet; they are given away. Returns lines for the
    user on streams that change. Raises ``OutputError``.
    """
    container = container_for(target)
    try:
        with (
            atomic_path(target, lasting=True) as whole,
            av.open(local(grown)) as file,
            new_output(whole, source, container, base, container.whole_options()) as output,
        ):
            written = [stream for stream in file.streams if stream.type != "data"]  # chapters, written anew
            kept = [stream for stream in written if stream.codec_context is not None]
            streams = {stream.index: _copy(stream, output) for stream in kept}
            video = streams[file.streams.video[0].index]
            cast(VideoStream, video).codec_context.framerate = source.info.fps  # timecodes need it
            come = {packet.stream.index for packet in waiting}
            sources = [stream for stream in source.other_streams if stream.index in come]
            others = OtherStreams(sources, output, container, target, no_audio=no_audio)
            grown_packets = filter(attrgetter("size"), file.demux(kept))
            for packet in heapq.merge(grown_packets, sorted(waiting, key=_time), key=_time):
                if packet.stream.container is file:
                    packet.stream = streams[packet.stream.index]
                    output.mux(packet)
                else:
                    others.mux(packet)
            others.flush()
    except av.FFmpegError as error:
        raise output_error(target, error) from error
    lost = ["a damaged track is left out"] if kept != written else []
    return lost + others.notices


def join(
    segments: Sequence[tuple[Path, int]], base: Fraction, source: VideoReader, target: Path, *, no_audio: bool
) -> list[str]:
    """Write ``target``, whole: the segments, each with the time of its first frame, and ``source``'s rest.

    ``base`` is the unit of these times, in seconds. Returns lines for the user on streams that change.
    Raises ``OutputError``, and ``StyleTransferError`` for segments that do not go together.
    """
    container = container_for(target)
    try:
        with (
            atomic_path(target, lasting=True) as whole,
            av.open(local(segments[0][0])) as head,
            new_output(whole, source, container, base, container.whole_options()) as output,
        ):
            template = head.streams.video[0]
            video = _copy(template, output)
            tag(video, source, output)
            cast(VideoStream, video).codec_context.framerate = source.info.fps  # a segment's is its clock
            others = OtherStreams(source.other_streams, output, container, target, no_audio=no_audio)
            pictures = _pictures(segments, base, video, template.codec_context.extradata)
            for packet in heapq.merge(pictures, source.packets(), key=_time):
                if packet.stream is video:
                    output.mux(packet)
                else:
                    others.mux(packet)
            others.flush()
    except av.FFmpegError as error:
        raise output_error(target, error) from error
    return others.notices


def _copy(stream: Stream, output: OutputContainer) -> Stream:
    copied = copy_stream(stream, output)
    context = stream.codec_context
    if context is not None and context.name == "hevc" and output.format.name != "matroska":
        copied.codec_context.codec_tag = "hvc1"  # Apple's players know no other
    return copied


def _time(packet: Packet) -> Fraction:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return (stamp or 0) * (packet.time_base or Fraction(1))


def _pictures(
    segments: Sequence[tuple[Path, int]], base: Fraction, video: Stream, extradata: bytes | None
) -> Iterator[Packet]:
    """The video's packets, their times put back on the clock of the whole."""
    last: int | None = None
    for path, start in segments:
        with av.open(local(path)) as file:
            pictures = file.streams.video[0]
            if pictures.codec_context.extradata != extradata:
                raise StyleTransferError(
                    f"'{path}' does not go with the segments before it; remove '{path.parent}' to begin anew"
                )
            first: int | None = None
            for packet in cast(Iterator[Packet], file.demux(pictures)):
                if not packet.size or packet.pts is None or packet.dts is None:
                    continue
                factor = packet.time_base / base
                if first is None:
                    first = packet.pts  # a segment begins with a key frame that is shown first
                pts, dts = (start + round((when - first) * factor) for when in (packet.pts, packet.dts))
                # At a variable rate a segment's first times of decoding may lie before its predecessor's last
                # ones. There is always room between these and the first frame shown: n frames are decoded
                # ahead, and n of the predecessor's are shown after its last time of decoding.
                packet.pts, packet.dts = pts, dts if last is None else max(dts, last + 1)
                last = packet.dts
                packet.duration = round((packet.duration or 0) * factor)
                packet.time_base, packet.stream = base, video
                yield packet
