"""Videos through a painter: decoding, painting and encoding side by side, sound and times kept.

::

    for path in videos:
        summary = convert(path, target, paint, VideoOptions(codec="h264"), progress=print)

The pieces are :class:`VideoReader` and :class:`VideoWriter`, which are of use alone too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from style_transfer.errors import UserError
from style_transfer.files import are_same
from style_transfer.lock import sole_writer
from style_transfer.media.pixels import Pixels
from style_transfer.media.video.format import codec_for, container_for, encoder_options
from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.reader import VideoReader
from style_transfer.media.video.run import Control, Paint, Progress, Summary, transfer
from style_transfer.media.video.writer import VideoWriter, partial_path

_LONGEST_SIDE = 16384  # pixels, of H.264 and SVT-AV1


def each(function: Callable[[Pixels], Pixels]) -> Paint:
    """A painter of frames one by one from a function of uint8 RGB, HWC."""
    return lambda frames: (replace(frame, pixels=function(frame.pixels)) for frame in frames)


def convert(
    source: Path,
    target: Path,
    paint: Paint,
    options: VideoOptions | None = None,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Paint the video ``source`` into ``target``; ``paint`` and ``progress`` run in the calling thread.

    Frames keep their times and the other streams their packets. The result grows in
    ``partial_path(target)`` and has its name when whole. Stopped by ``should_stop``, Ctrl-C or an
    exception of ``paint``, the partial file is closed whole and playable and keeps its name; only the
    first returns a summary, the others are raised on.

    Raises ``UserError`` for what cannot be asked for, also while another process writes ``target``,
    ``InputFileError`` for a file that has no video, ``OutputError`` if the disk refuses.
    """
    options = options or VideoOptions()
    check(source, target, options)
    with sole_writer(target), VideoReader(source, options) as reader:
        writer = VideoWriter(target, reader, options)
        control = Control(progress, should_stop)
        return transfer(reader, writer, paint, control, side_by_side=options.side_by_side)


def check(source: Path, target: Path, options: VideoOptions) -> None:
    """Raises ``UserError`` for what can be known to be wrong before a file is opened."""
    encoder_options(codec_for(target, options.codec), options.crf, options.preset, options.threads)
    container_for(target)
    if options.fps is not None and not 0 < options.fps <= 1000:
        raise UserError(f"--fps must be above 0 and at most 1000, not {float(options.fps):g}")
    if options.image_size is not None and not 2 <= options.image_size <= _LONGEST_SIDE:
        raise UserError(
            f"--image-size must be from 2 to {_LONGEST_SIDE} for a video, not {options.image_size}"
        )
    if options.preview is not None and options.preview <= 0:
        raise UserError(f"--preview must be above 0, not {float(options.preview):g}")
    if target.is_dir():
        raise UserError(f"the output '{target}' is a folder; choose another with -o")
    if any(are_same(path, source) for path in (target, partial_path(target))):
        raise UserError(f"the result would overwrite the input '{source}'; choose another output with -o")
