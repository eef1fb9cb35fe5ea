"""What a show leaves behind: sinks that take its pictures, and recordings and snapshots made by key."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from style_transfer.errors import StyleTransferError
from style_transfer.media.image import Picture
from style_transfer.media.image_writer import write_image
from style_transfer.media.pixels import Pixels
from style_transfer.media.recorder import Recorder
from style_transfer.media.sinks import Sink


class Outputs:
    """Hands pictures on and says what became of them.

    Args:
        sinks: what takes every picture; a :class:`Recorder` among them is the recording that the key ends.
            They are closed with the rest.
        folder: where recordings and snapshots made by key go.
        all_there_is: nobody sees the show otherwise: a sink that fails ends it.
        tell: takes lines for the user.
    """

    def __init__(
        self, sinks: Sequence[Sink], folder: Path, *, all_there_is: bool, tell: Callable[[str], None]
    ) -> None:
        self._sinks, self._folder = list(sinks), folder
        self._all_there_is, self._tell = all_there_is, tell
        self._recorder = next((sink for sink in sinks if isinstance(sink, Recorder)), None)
        self._since: float | None = None
        self._finishing: list[Recorder] = []
        self._snapshots = ThreadPoolExecutor(1, thread_name_prefix="snapshot")
        self._taken: list[tuple[Path, Future[None]]] = []

    @property
    def recording(self) -> bool:
        return self._recorder is not None

    @property
    def recording_since(self) -> float | None:
        """The time of the recording's first picture, None while there is none."""
        return None if self._recorder is None else self._since

    def show(self, picture: Pixels, time: float) -> None:
        """Hand a picture of ``time`` (seconds) to every sink; one that fails is let go."""
        if self._since is None:
            self._since = time
        for sink in list(self._sinks):
            try:
                sink.show(picture, time)
            except StyleTransferError as error:
                self._sinks.remove(sink)
                if sink is self._recorder:
                    self._recorder = None
                with contextlib.suppress(StyleTransferError):  # it has said what is wrong
                    sink.close()
                if self._all_there_is:
                    raise
                self._tell(str(error))

    def snapshot(self, picture: Pixels) -> None:
        """Write a copy of ``picture`` beside the show, which does not wait for it."""
        path = self._new_path("snapshot", ".png")
        self._taken.append((path, self._snapshots.submit(write_image, Picture([picture.copy()]), path)))

    def record(self, picture: Pixels | None, time: float) -> None:
        """Begin a recording, with ``picture``, if there is one, as its first, of ``time``."""
        try:
            self._recorder = Recorder(self._new_path("recording", ".mp4"))
        except StyleTransferError as failure:  # the show goes on
            self._tell(str(failure))
            return
        self._since = None
        self._sinks.append(self._recorder)
        if picture is not None:
            self._since = time
            self._recorder.show(picture, time)

    def stop_recording(self) -> None:
        """End the recording; :meth:`report` says when it has its name."""
        assert self._recorder is not None
        self._recorder.stop()
        self._sinks.remove(self._recorder)
        self._finishing.append(self._recorder)
        self._recorder = None

    def report(self) -> None:
        """Say what has been saved in the meantime."""
        for recorder in [r for r in self._finishing if not r.busy]:
            self._finishing.remove(recorder)
            try:
                self._finish(recorder)
            except StyleTransferError as failure:  # the show goes on
                self._tell(str(failure))
        for path, future in [taken for taken in self._taken if taken[1].done()]:
            self._taken.remove((path, future))
            error = future.exception()
            self._tell(str(error) if error else f"saved {path}")

    def close(self) -> None:
        """Wait until all is written, and say so; raises ``OutputError`` for a recording that failed."""
        with contextlib.ExitStack() as closing:  # each whatever the others do
            closing.callback(self.report)
            for recorder in self._finishing:
                closing.callback(self._finish, recorder)
            self._finishing = []
            for sink in self._sinks:
                if isinstance(sink, Recorder):
                    closing.callback(self._finish, sink)
                else:
                    closing.callback(sink.close)
            closing.callback(self._snapshots.shutdown)

    def _finish(self, recorder: Recorder) -> None:
        recorder.close()
        dropped = (
            f" ({recorder.dropped} frames left out: the encoder was too slow)" if recorder.dropped else ""
        )
        if recorder.frames:
            self._tell(f"saved {recorder.target}{dropped}")
        elif not self._all_there_is:
            self._tell("nothing was recorded")

    def _new_path(self, kind: str, extension: str) -> Path:
        stem = f"{kind}-{datetime.now():%Y%m%d-%H%M%S}"
        begun = {path for path, _ in self._taken} | {recorder.target for recorder in self._finishing}
        for name in (stem, *(f"{stem}-{n}" for n in range(2, 1000))):
            path = self._folder / f"{name}{extension}"
            if not path.exists() and path not in begun:
                return path
        raise StyleTransferError(f"cannot find a new name like '{stem}{extension}'")
