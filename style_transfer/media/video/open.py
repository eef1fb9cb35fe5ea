"""Opening a video file safely, and saying in one line why one cannot be opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from style_transfer.errors import InputFileError
from style_transfer.media.video.format import VIDEO_EXTENSIONS
from style_transfer.media.video.pyav import LENIENT

Packet: TypeAlias = "av.Packet[Stream]"
"""Encoded data of any stream; the class is generic for type checkers alone."""

# Formats are named, so that a file from a stranger is never a playlist that opens other files or
# addresses, nor a text that FFmpeg would play as ANSI art. Sound formats are in it to be told apart.
_FORMATS = (
    "aac,aiff,asf,av1,avi,dv,flac,flv,gxf,h264,hevc,ivf,m4v,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,"
    "mp3,mpeg,mpegts,mpegvideo,mxf,nut,obu,ogg,rm,wav,yuv4mpegpipe"
)

# Chroma samples lie on the left one of two pixels, as in H.264, where a decoder does not know; but in these.
_CHROMA_BETWEEN = ("rawvideo", "theora")


def local(path: Path) -> str:
    """``path`` as a name that FFmpeg takes for a file on this machine, whatever is in it."""
    return f"file:{path}"


def reason(error: BaseException) -> str:
    """What FFmpeg or the system says, in one line."""
    return " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__


def shown_at(packet: Packet) -> Fraction | None:
    """Its time in seconds, on the file's clock; that of decoding where no other is told, or None."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None else stamp * packet.time_base


def packets_of(container: InputContainer) -> Iterator[Packet]:
    """All with data in them, of the streams that were there when it was opened."""
    # PyAV fails so after the last one, where a broadcast had further streams begin in the middle.
    with suppress(IndexError):
        for packet in container.demux():
            if packet.size:
                yield packet


def open_video(path: Path) -> InputContainer:
    """Raises ``InputFileError`` for a file that is missing, unreadable, empty, or no video."""
    try:
        if path.is_dir():
            raise InputFileError(f"'{path}' is a folder; name a video in it")
        if path.stat().st_size == 0:
            raise InputFileError(f"'{path}' is empty; get the file anew")
        container: InputContainer = av.open(
            local(path),
            "r",
            container_options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"},
            **LENIENT,
        )
        return container
    except FileNotFoundError as error:
        raise InputFileError(f"'{path}' does not exist; check the name") from error
    except PermissionError as error:
        raise InputFileError(
            f"'{path}' cannot be opened: permission denied; check its permissions"
        ) from error
    except (av.FFmpegError, OSError) as error:
        if path.suffix.lower() in VIDEO_EXTENSIONS:
            raise InputFileError(
                f"'{path}' is damaged, incomplete or no video ({reason(error)}); get or export it anew"
            ) from error
        raise InputFileError(
            f"'{path}' is not a video of a known format; convert it to MP4, MKV or WebM first"
        ) from error


def main_video(container: InputContainer, path: Path) -> VideoStream:
    """The stream that is painted. Raises ``InputFileError`` where there is none that can be decoded."""
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        held = "sound only" if container.streams.audio else "no video"
        raise InputFileError(f"'{path}' holds {held}; name a file with a picture in it")
    stream = max(streams, key=lambda s: (bool(s.disposition & Disposition.default), -s.index))
    if stream.codec_context is None:
        raise InputFileError(
            f"the video in '{path}' is of a codec that cannot be decoded; convert it to H.264 first"
        )
    if stream.codec_context.name not in _CHROMA_BETWEEN:
        stream.codec_context.options = {"chroma_sample_location": "left"}
    return stream
