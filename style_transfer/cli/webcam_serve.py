"""``webcam.py --serve``: the page, put together from what was asked for."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from style_transfer.cli.common import say, stop_signals, stylizer_of
from style_transfer.cli.webcam_run import check, source_of
from style_transfer.errors import UserError
from style_transfer.live.web.protocol import LookWanted
from style_transfer.live.web.settings import Settings
from style_transfer.live.web.studio import Studio
from style_transfer.media.camera import Camera
from style_transfer.networks.catalogue import DEFAULT_MODEL
from style_transfer.networks.styles import parse_mix


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C or the end of the source's file. Raises ``KeyboardInterrupt`` after Ctrl-C."""
    for flag in ("record", "virtual_camera", "cycle", "full_screen", "no_text"):
        if getattr(args, flag):
            raise UserError(f"--{flag.replace('_', '-')} does not go with --serve; run it by itself")
    check(args)
    settings = Settings(
        args.host, args.port, args.token, args.tls_cert, args.tls_key, max_clients=args.max_clients
    )
    settings.check()
    tls = settings.tls()
    try:
        import aiohttp  # noqa: F401
    except ImportError as error:
        raise UserError("--serve needs aiohttp: pip install aiohttp") from error
    from style_transfer.live.web.server import Page  # which is made of it

    with stop_signals("this frame") as stopped, contextlib.ExitStack() as opened:
        listening = settings.listen()
        opened.callback(listening.close)
        camera = None
        if args.source is not None:
            camera = Camera(source_of(args), loop=args.loop, notify=say)
            opened.callback(camera.close)
        say("loading the styles")
        stylizer = stylizer_of(args, args.model or DEFAULT_MODEL)
        studio = Studio(stylizer, statistics=args.statistics, notify=say, target_fps=args.target_fps or 15.0)
        mix = parse_mix(args.style) if args.style else {stylizer.model.style_names[0]: 1.0}
        scene = studio.scene(LookWanted(mix, args.strength, args.preserve_color))
        studio.warm_up(*([camera.size] if camera else []))
        if stopped():
            raise KeyboardInterrupt
        studio.start()
        opened.callback(studio.close)
        page = Page(studio, settings, scene, camera=camera, mirror=args.mirror)
        if camera is not None:
            camera.start()
        _announce(settings, listening.getsockname()[1], camera)
        asyncio.run(page.serve(listening, tls, stopped))
    if stopped():
        raise KeyboardInterrupt
    return 0


def _announce(settings: Settings, port: int, camera: Camera | None) -> None:
    say(f"open {settings.url(port)} in a browser; Ctrl-C ends")
    if camera is None and not settings.local and settings.tls_cert is None:
        say(
            "browsers give a camera only to pages that come over HTTPS (or from their own machine):"
            " add --tls-cert FILE --tls-key FILE, or tunnel with ssh -L"
        )
