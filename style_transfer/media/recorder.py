"""Recording frames as they come, to a file that survives whatever happens to the process."""

from __future__ import annotations

import queue
import threading
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from style_transfer.errors import OutputError, UserError
from style_transfer.files import atomic_path, beside, refusal, rename, sync
from style_transfer.lock import sole_writer
from style_transfer.media.pixels import Pixels
from style_transfer.media.sinks import fitted
from style_transfer.media.video.format import CONTAINERS, codec_for, container_for
from style_transfer.media.video.frame import Colour, FromPixels
from style_transfer.media.video.open import local, reason

RECORDINGS = tuple(ending for ending, container in CONTAINERS.items() if "h264" in container.codecs)
"""What a recording can be, by its name."""

_TIME_BASE = Fraction(1, 1000)  # what Matroska keeps
_POLL = 0.2  # seconds
_WAITING = 16  # frames that may wait for the encoder
_KEYFRAMES = 60  # frames between those a player can jump to
_BT709 = 1
# A cluster is in the file when it is complete: so much may be missing after a power cut.
_GROWING = {"cluster_time_limit": "500", "flush_packets": "1"}
_H264 = {"preset": "veryfast", "tune": "zerolatency", "crf": "20"}


def partial_recording(target: Path) -> Path:
    """Where a recording grows until it is whole."""
    return beside(target, ".partial.mkv")


class Recorder:
    """A sink that encodes H.264 in a thread of its own, each frame at its own time; there is no sound.

    The recording grows in :attr:`partial`, playable at every moment; ``close()`` turns it into ``target``,
    ``.mp4``, ``.m4v``, ``.mov`` or ``.mkv``. Frames that the encoder has no time for are left out and
    counted in :attr:`dropped`. The first frame sets the size, odd sides padded by a pixel.

    Raises ``UserError`` for another extension, where a file is in the way and ``overwrite`` is not set, or
    while another process writes ``target``; ``OutputError`` where there can be no such folder.
    """

    def __init__(self, target: Path, *, overwrite: bool = False) -> None:
        codec_for(target, "h264")
        self.target, self.partial = target, partial_recording(target)
        for path in (target, self.partial):
            if path.is_dir() or (path.exists() and not overwrite):
                raise UserError(f"'{path}' exists already; choose another name, or add --overwrite")
        self._held = ExitStack()
        self._held.enter_context(sole_writer(target))
        self.dropped = 0
        self.frames = 0  #: written
        self._queue: queue.Queue[tuple[Pixels, float] | None] = queue.Queue(_WAITING)
        self._error: BaseException | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="recorder")
        self._thread.start()

    def show(self, pixels: Pixels, time: float) -> None:
        """Append a frame; raises ``OutputError`` when writing has failed."""
        self._check()
        if self._stopping:
            return
        try:
            self._queue.put_nowait((pixels, time))
        except queue.Full:
            self.dropped += 1

    def stop(self) -> None:
        """End the recording without waiting until it has its name; :attr:`busy` says when."""
        self._stopping = True
        with suppress(queue.Full):  # then the thread looks for itself
            self._queue.put_nowait(None)

    @property
    def busy(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        """End the recording and wait until it has its name; raises ``OutputError`` if it cannot have it."""
        self.stop()
        self._thread.join()
        self._held.close()
        self._check()

    def _check(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            self._stopping = True
            if isinstance(error, OSError):
                told = str(refusal(self.target, error))
            else:
                told = f"cannot record to '{self.target}': {reason(error)}"
            kept = f"; what was recorded so far is in '{self.partial}'" if self.frames else ""
            raise OutputError(told + kept) from error

    def _run(self) -> None:
        try:
            first = self._next()
            if first is None:
                return
            with av.open(local(self.partial), "w", format="matroska", container_options=_GROWING) as output:
                self._encode(first, output)
            self._finish()
        except BaseException as error:
            self._error = error

    def _next(self) -> tuple[Pixels, float] | None:
        """The next frame, None at the end."""
        while True:
            try:
                return self._queue.get(timeout=_POLL)
            except queue.Empty:
                if self._stopping:
                    return None

    def _encode(self, item: tuple[Pixels, float] | None, output: OutputContainer) -> None:
        assert item is not None
        pixels, start = item
        from_pixels = FromPixels(Colour(_BT709, _BT709, _BT709))
        height, width = pixels.shape[:2]
        stream = _add_stream(output, width + width % 2, height + height % 2)
        previous = -1
        while item is not None:
            pixels, time = item
            picture = from_pixels(fitted(pixels, (width, height)))
            previous = max(previous + 1, round((time - start) / _TIME_BASE))
            picture.pts, picture.time_base = previous, _TIME_BASE
            output.mux(stream.encode(picture))
            self.frames += 1
            item = self._next()
        output.mux(stream.encode(None))

    def _finish(self) -> None:
        """The packets in their final container, with an index; nothing is encoded again."""
        container = container_for(self.target)
        if container.muxer == "matroska":
            sync(self.partial)
            rename(self.partial, self.target)
            return
        options = {"movflags": "+faststart"}
        with (
            atomic_path(self.target, lasting=True) as whole,
            av.open(local(self.partial)) as grown,
            av.open(local(whole), "w", format=container.muxer, container_options=options) as output,
        ):
            source = grown.streams.video[0]
            stream = output.add_stream_from_template(source, opaque=True)
            for packet in grown.demux(source):
                if packet.size:
                    packet.stream = stream
                    output.mux(packet)
        with suppress(OSError):  # on Windows while it is played: the recording is there all the same
            self.partial.unlink()


def _add_stream(output: OutputContainer, width: int, height: int) -> VideoStream:
    stream = output.add_stream("libx264", rate=30, time_base=_TIME_BASE, width=width, height=height)
    context = stream.codec_context
    context.options = dict(_H264)
    context.gop_size = _KEYFRAMES
    context.thread_count = 1  # the network needs the other cores
    context.pix_fmt = "yuv420p"
    context.color_range = 1  # limited
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.time_base = _TIME_BASE
    return stream
