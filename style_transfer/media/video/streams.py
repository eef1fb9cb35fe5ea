"""Every stream but the painted one, on its way from one file to another: copied, re-encoded or left out."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import av
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import AttachmentStream, Disposition, Stream

from style_transfer.media.video.format import MOST_TICKS, Container
from style_transfer.media.video.open import Packet
from style_transfer.media.video.pyav import readable

# Written by muxers for the file they made; of another file they would be false.
_STALE_TAGS = {
    "major_brand", "minor_version", "compatible_brands", "encoder", "duration", "rotate", "bps",
    "number_of_frames", "number_of_bytes", "_statistics_tags", "_statistics_writing_app",
    "_statistics_writing_date_utc",
}  # fmt: skip
_NOTHING_SHOWN = b"\0\0"  # of MP4's text subtitles: no bytes of text
# QuickTime has numbers for languages, and FFmpeg knows them by these of ISO 639-2's two sets of names.
_QUICKTIME_LANGUAGES = {"deu": "ger", "nld": "dut", "ell": "gre", "isl": "ice", "zho": "chi", "sqi": "alb"}
# What a track is for that MP4 and Matroska have words for; QuickTime only knows which are on.
_PURPOSES = (
    Disposition.dub, Disposition.comment, Disposition.forced, Disposition.hearing_impaired,
    Disposition.visual_impaired,
)  # fmt: skip
_OPUS_RATE = 48_000
_AAC_RATES = {8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000}


def kept_tags(tags: dict[str, str]) -> dict[str, str]:
    """Without those that describe the file they came from."""
    tags = readable(tags)
    return {key: value for key, value in tags.items() if key.lower().partition("-")[0] not in _STALE_TAGS}


def describe_as(source: Stream, result: Stream, output: OutputContainer) -> None:
    """Give ``result``, a stream of ``output``, the tags and the disposition of ``source``."""
    tags = kept_tags(dict(source.metadata))
    if "title" not in tags and "name" in tags:  # the same thing, as MP4 is read and as it is written
        tags["title"] = tags.pop("name")
    if tags.get("handler_name", "").endswith("Handler"):  # a muxer's word for the kind of stream
        del tags["handler_name"]
    if output.format.name == "mov" and "language" in tags:
        tags["language"] = _QUICKTIME_LANGUAGES.get(tags["language"], tags["language"])
    result.metadata.update(tags)
    result.disposition = source.disposition


def copy_stream(source: Stream, output: OutputContainer) -> Stream:
    """Add a stream to ``output`` for ``source``'s packets. Raises ``ValueError`` where it cannot."""
    # opaque: only the parameters count, and to look for an encoder of the same name may find none.
    result = output.add_stream_from_template(source, opaque=True)
    describe_as(source, result, output)
    return result


class Copied:
    """Packets as they are, but for what a file writes by itself.

    It has one header where AAC of MPEG-TS has one in each packet; Matroska never has another, as FLV may.
    An MP4 says where a subtitle ends, and loses packets of one time, which Matroska's milliseconds bring
    about: these follow each other by a tick.
    """

    def __init__(self, source: Stream, output: OutputContainer) -> None:
        self._stream = copy_stream(source, output)
        context, mp4 = source.codec_context, output.format.name in ("mp4", "mov")
        headed = context is not None and context.name == "aac" and not context.extradata
        self._filter = av.BitStreamFilterContext("aac_adtstoasc", source) if headed else None
        self._ends = mp4 and context is not None and context.name == "mov_text"
        self._parts = mp4 and source.type != "subtitle"
        self._one_header = not mp4 and not headed
        self._last: tuple[int, int] | None = None  # time of decoding, as it came and as it went

    def __call__(self, packet: Packet) -> Iterable[Packet]:
        if self._ends and bytes(packet) == _NOTHING_SHOWN:
            return []
        if self._one_header and packet.has_sidedata("new_extradata"):
            packet = _without_side_data(packet)
        packets = [packet] if self._filter is None else self._filter.filter(packet)
        for packet in packets:
            packet.stream = self._stream
            if (packet.duration or 0) * packet.time_base > MOST_TICKS * (self._stream.time_base or 1):
                packet.duration = 0
            if self._parts and packet.dts is not None:
                self._part(packet, packet.dts)
        return packets

    def _part(self, packet: Packet, dts: int) -> None:
        before, last = self._last or (dts, dts - 1)
        packet.dts = max(dts, last + 1) if dts >= before else dts
        if packet.pts is not None:
            packet.pts = max(packet.pts, packet.dts)
        self._last = dts, packet.dts

    def flush(self) -> Iterable[Packet]:
        return []


def _without_side_data(packet: Packet) -> Packet:
    result: Packet = av.Packet(bytes(packet))
    result.pts, result.dts, result.duration = packet.pts, packet.dts, packet.duration
    result.time_base, result.is_keyframe = packet.time_base, packet.is_keyframe
    return result


class Reencoded:
    """Sound decoded, and encoded as ``codec``, at its own times."""

    def __init__(self, source: AudioStream, output: OutputContainer, codec: str) -> None:
        self._source = source
        rate = source.rate if codec != "libopus" and source.rate in _AAC_RATES else _OPUS_RATE
        # Opus has no layout of some that other codecs have, AAC no more than eight channels.
        if codec == "aac" and source.channels == 6 and not _is_nameless(source):
            layout = source.layout.name
        else:
            layout = "mono" if source.channels == 1 else "stereo"
        self._stream = cast(AudioStream, output.add_stream(codec, rate=rate))
        self._stream.layout = layout
        self._stream.codec_context.bit_rate = 96_000 * max(1, self._stream.channels)
        describe_as(source, self._stream, output)
        self._resampler: AudioResampler | None = None
        self._resampled: object = None  # the format, layout and rate that it takes

    def __call__(self, packet: Packet) -> Iterable[Packet]:
        frames = self._source.codec_context.decode(packet)
        return [encoded for frame in frames for encoded in self._encode(frame)]

    def flush(self) -> Iterable[Packet]:
        result = [
            encoded for frame in self._source.codec_context.decode(None) for encoded in self._encode(frame)
        ]
        if self._resampler is not None:
            result += self._encode(None)
        return [*result, *self._stream.encode(None)]

    def _encode(self, frame: av.AudioFrame | None) -> list[Packet]:
        taken = (
            self._resampled if frame is None else (frame.format.name, frame.layout.name, frame.sample_rate)
        )
        if self._resampler is None or taken != self._resampled:
            # Sound may change in the middle. What the former resampler still has, less than a packet, goes:
            # an encoder takes a short packet for the last.
            context = self._stream.codec_context
            if not context.is_open:
                context.open(strict=False)
            self._resampler = AudioResampler(context.format, context.layout, context.rate, context.frame_size)
            self._resampled = taken
        return [packet for part in self._resampler.resample(frame) for packet in self._stream.encode(part)]


class SubtitlesOfMP4:
    """MP4's text subtitles as SubRip, for Matroska: the same without two bytes of length, and styles."""

    def __init__(self, source: Stream, output: OutputContainer) -> None:
        self._stream = output.add_mux_stream("subrip", time_base=source.time_base)
        describe_as(source, self._stream, output)

    def __call__(self, packet: Packet) -> Iterable[Packet]:
        data = bytes(packet)
        text = data[2 : 2 + int.from_bytes(data[:2], "big")]
        if not text:  # how mov_text says that nothing is shown
            return []
        result: Packet = av.Packet(text)
        result.pts, result.dts, result.duration = packet.pts, packet.dts, packet.duration
        result.time_base, result.stream = packet.time_base, self._stream
        return [result]

    def flush(self) -> Iterable[Packet]:
        return []


Carrier = Copied | Reencoded | SubtitlesOfMP4


class OtherStreams:
    """The streams that ``output`` can have, on their way; ``notices`` has a line for each that changes."""

    def __init__(
        self,
        sources: Iterable[Stream],
        output: OutputContainer,
        container: Container,
        target: Path,
        *,
        no_audio: bool,
    ) -> None:
        self.notices: list[str] = []
        self._output = output
        self._carriers: dict[int, Carrier] = {}  # by the index of their stream
        self._damaged: set[int] = set()
        for source in sources:
            if source.type == "audio" and no_audio:
                continue
            what, codec = _describe(source), source.codec_context.name if source.codec_context else None
            if _holds(container, source):
                self._carriers[source.index] = Copied(source, output)
            elif isinstance(source, AudioStream) and codec is not None:
                self._carriers[source.index] = Reencoded(source, output, container.audio)
                becomes = "AAC" if container.audio == "aac" else "Opus"
                self.notices.append(
                    f"{what} is re-encoded to {becomes}: a {target.suffix} file cannot hold {codec}"
                )
            elif codec == "mov_text" and container.muxer == "matroska":
                self._carriers[source.index] = SubtitlesOfMP4(source, output)
            elif _is_cover(source):
                self.notices.append("the cover picture is left out")
            elif not (
                _is_chapter_track(source) or "timecode" in source.metadata
            ):  # a tag of the video's, too
                hint = "" if container.muxer == "matroska" or source.type == "data" else "; .mkv may"
                self.notices.append(f"{what} is left out: a {target.suffix} file cannot hold it{hint}")
            lost = [str(p.name).replace("_", " ") for p in _PURPOSES if source.disposition & p]
            if lost and container.muxer == "mov" and source.index in self._carriers:
                self.notices.append(
                    f"{what} is no longer marked as {', '.join(lost)}: a {target.suffix} file cannot say it"
                )

    def mux(self, packet: Packet) -> None:
        """Write one of the sources' packets, which is given away by it."""
        index = packet.stream.index
        if index not in self._carriers:
            return
        with self._gaps(index):
            self._output.mux(list(self._carriers[index](packet)))

    def flush(self) -> None:
        """Write what encoders still hold."""
        for index, carrier in self._carriers.items():
            with self._gaps(index):
                self._output.mux(list(carrier.flush()))

    @contextmanager
    def _gaps(self, index: int) -> Iterator[None]:
        """What cannot be decoded or written of a track is a gap, as it is for a player."""
        try:
            yield
        except OSError:
            raise
        except av.FFmpegError:
            if index not in self._damaged:  # or its packets are out of order
                self._damaged.add(index)
                self.notices.append(f"track {index} is damaged; what could not be copied of it was left out")


def _describe(source: Stream) -> str:
    kind = {
        "audio": "the sound",
        "subtitle": "the subtitle",
        "video": "the other video",
        "attachment": "the attachment",
    }
    language = f", {source.language}" if source.language not in (None, "und") else ""
    codec = source.codec_context.name if source.codec_context else source.metadata.get("filename", "of data")
    return f"{kind.get(source.type, 'the data')} track {source.index} ({codec}{language})"


def _is_cover(source: Stream) -> bool:
    return bool(source.disposition & Disposition.attached_pic)


def _is_chapter_track(source: Stream) -> bool:
    """How MP4 stores chapters; they are copied as chapters."""
    return source.type == "data" and source.name == "bin_data" and bool(source.container.chapters())


def _is_nameless(source: AudioStream) -> bool:
    """Of so many channels, and nothing says which: AVI and Matroska store PCM so."""
    return source.layout.name.endswith(" channels")


def _holds(container: Container, source: Stream) -> bool:
    """Tried out in memory: what muxers say beforehand is more than they take."""
    if isinstance(source, AttachmentStream):
        return container.muxer == "matroska"
    # A cover gets lost in a growing MP4, as it belongs to no moment of it; data rarely survives a muxer.
    if source.type == "data" or source.codec_context is None or _is_cover(source):
        return False
    # In MP4 its header is written, the index at the end is not.
    nameless = isinstance(source, AudioStream) and source.channels > 1 and _is_nameless(source)
    if nameless and container.muxer == "mp4" and source.codec_context.name.startswith("pcm_"):
        return False
    try:
        with av.open(io.BytesIO(), "w", format=container.muxer) as trial:
            copy_stream(source, trial)
            trial.start_encoding()
    except (ValueError, OSError, av.FFmpegError):
        return False
    return True
