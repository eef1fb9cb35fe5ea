"""Putting a live session together from what was asked for."""

from __future__ import annotations

import argparse
import contextlib
import math
from pathlib import Path

from style_transfer.cli.common import check_strength, parse_resolution, say, stop_signals, stylizer_of
from style_transfer.errors import UserError
from style_transfer.files import are_same
from style_transfer.live.controls import Controls
from style_transfer.live.session import Session
from style_transfer.media.camera import Camera
from style_transfer.media.recorder import RECORDINGS, Recorder, partial_recording
from style_transfer.media.sinks import Display, Sink, VirtualCamera
from style_transfer.media.sources import Source, list_sources
from style_transfer.media.window import Window
from style_transfer.networks.catalogue import DEFAULT_MODEL


def run(args: argparse.Namespace) -> int:
    """Run the session; 0 when it was quit or its source ended. Raises ``KeyboardInterrupt`` after Ctrl-C."""
    if args.list_sources:
        return _list_sources()
    check(args)
    source = source_of(args)
    with stop_signals("this frame") as stopped, contextlib.ExitStack() as opened:
        camera = Camera(source, loop=args.loop, notify=say)
        opened.callback(camera.close)  # closing twice does no harm
        rate = args.target_fps or camera.fps
        display: Display | None = None
        if not args.headless:
            display = Window(full_screen=args.full_screen)
            opened.callback(display.close)
        sinks: list[Sink] = [VirtualCamera(rate)] if args.virtual_camera else []
        if args.record:
            _check_recording(source, Path(args.record))
            recorder = Recorder(Path(args.record), overwrite=args.overwrite)
            opened.callback(recorder.close)
            sinks.append(recorder)
        controls = Controls(
            strength=args.strength,
            preserve_color=args.preserve_color,
            mirror=args.mirror,
            cycle=args.cycle,
            text=not args.no_text,
        )
        session = Session(
            camera,
            lambda: stylizer_of(args, args.model or DEFAULT_MODEL),
            controls,
            display=display,
            sinks=sinks,
            style=args.style,
            target_fps=rate,
            statistics=args.statistics,
            notify=say,
        )
        session.run(stopped)
        say(session.meter.summary())
    if stopped():
        raise KeyboardInterrupt
    return 0


def _check_recording(source: Source, target: Path) -> None:
    """Raises ``UserError`` for a name it cannot have, or where it would grow over what is shown."""
    if target.suffix.lower() not in RECORDINGS:
        raise UserError(f"--record '{target}' must end in {', '.join(RECORDINGS[:-1])} or {RECORDINGS[-1]}")
    if any(are_same(path, Path(source.name)) for path in (target, partial_recording(target))):
        raise UserError(f"the recording would overwrite the source '{source}'; choose another --record")


def _list_sources() -> int:
    found = list_sources()
    for name, about in found:
        print(f"{name}  {about}")
    if not found:
        say("no cameras found; --source clip.mp4 plays a file, --source rtsp://... a stream")
    return 0


def check(args: argparse.Namespace) -> None:
    """What can be known to be wrong before a camera's light goes on."""
    check_strength(args)
    for name in ("fps", "target_fps", "cycle"):
        value = getattr(args, name)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise UserError(f"--{name.replace('_', '-')} must be above 0, not {value:g}")


def source_of(args: argparse.Namespace) -> Source:
    """Where the frames come from; the first camera unless something is named."""
    resolution = None if args.resolution is None else parse_resolution(args.resolution)
    source = Source(args.source or "0", resolution, args.fps, args.backend)
    asked = [name for name in ("resolution", "fps") if getattr(args, name) is not None]
    if asked and not source.is_camera:
        flags = " and ".join(f"--{name}" for name in asked)
        say(f"{flags}: for cameras; a file or stream comes as it is")
    if args.loop and source.is_camera:
        say("--loop: for files; a camera has no end")
    return source
