"""``webcam.py`` and ``style-transfer webcam``: a camera, painted as it runs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from style_transfer.cli.common import Parser, add_common_flags, add_engine_flags, add_statistics_flag, guarded
from style_transfer.live.controls import help_text


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="style-transfer webcam",
        description="Paint a camera as it runs, or any video as if it were one.",
        epilog=f"keys in the window:\n{help_text()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_argument_group("the source")
    source.add_argument(
        "--source", metavar="WHAT", help="a camera's number or /dev/video2, a file, rtsp://... (0)"
    )
    source.add_argument("--list-sources", action="store_true", help="say which cameras there are, and end")
    source.add_argument("--loop", action="store_true", help="play a file over and over")
    source.add_argument(
        "--resolution", metavar="WxH", help="what a camera is asked for: 1280x720 (its own choice)"
    )
    source.add_argument("--fps", type=float, metavar="N", help="what a camera is asked for (its own choice)")
    source.add_argument(
        "--backend", default="auto", metavar="NAME",
        help="how OpenCV opens it: auto, v4l2, gstreamer, ffmpeg, dshow, msmf, avfoundation (auto)",
    )  # fmt: skip

    look = parser.add_argument_group("the look")
    look.add_argument("--style", metavar="MIX", help="a style, or a mix: starry_night:0.6,udnie:0.4")
    look.add_argument(
        "--model", metavar="NAME", help="one that ships, or a .safetensors, .onnx or .pt2 file (gallery-fast)"
    )
    look.add_argument("--strength", type=float, default=1.0, help="0: the camera, 1: the painting (1)")
    look.add_argument("--preserve-color", action="store_true", help="keep the camera's own colours")
    look.add_argument("--mirror", action="store_true", help="swap left and right, as a mirror does")
    look.add_argument(
        "--cycle", type=float, metavar="SECONDS", help="go to the next style by itself so often"
    )

    result = parser.add_argument_group("the result")
    result.add_argument("--full-screen", action="store_true", help="fill the screen")
    result.add_argument(
        "--no-text", action="store_true", help="nothing written on the picture, until i is pressed"
    )
    result.add_argument(
        "--record", metavar="FILE", help="write an .mp4, .m4v, .mov or .mkv too; it has no sound"
    )
    result.add_argument("--overwrite", action="store_true", help="replace the file of --record if it exists")
    result.add_argument(
        "--virtual-camera", action="store_true", help="be a camera for other programs, such as calls"
    )
    result.add_argument(
        "--headless", action="store_true", help="no window; needs --record, --virtual-camera or --serve"
    )
    result.add_argument(
        "--target-fps",
        type=float,
        metavar="N",
        help="paint smaller if need be so that this holds (the source's; 15 with --serve --source)",
    )

    page = parser.add_argument_group(
        "the page", "Instead of a window: each browser's own camera, or with --source this machine's."
    )
    page.add_argument("--serve", action="store_true", help="be a page that browsers open")
    page.add_argument(
        "--host", default="127.0.0.1", metavar="NAME",
        help="where to listen; 0.0.0.0 is the whole network, and needs --token (127.0.0.1)",
    )  # fmt: skip
    page.add_argument("--port", type=int, default=8080, metavar="N", help="(8080)")
    page.add_argument("--token", metavar="WORD", help="a secret without which nobody gets in")
    page.add_argument(
        "--tls-cert", metavar="FILE",
        help="a certificate, PEM: over a network browsers give a camera to HTTPS only",
    )  # fmt: skip
    page.add_argument("--tls-key", metavar="FILE", help="its key, PEM, if it is not in the same file")
    page.add_argument("--max-clients", type=int, default=8, metavar="N", help="browsers at a time (8)")
    add_statistics_flag(parser, default="auto")
    add_engine_flags(parser)
    add_common_flags(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.headless and not (args.record or args.virtual_camera or args.serve or args.list_sources):
        parser.error("--headless shows nothing; add --record FILE, --virtual-camera or --serve")
    for name in ("host", "port", "token", "tls_cert", "tls_key", "max_clients"):
        if getattr(args, name) != parser.get_default(name) and not args.serve:
            parser.error(f"--{name.replace('_', '-')} is a page's; add --serve")
    if args.serve and args.source is None:  # the browsers' own cameras
        for name in ("loop", "resolution", "fps", "backend", "mirror", "target_fps"):
            if getattr(args, name) != parser.get_default(name):
                flag = f"--{name.replace('_', '-')}"
                parser.error(f"{flag} is for a source of this machine; add --source 0, a camera, say")
    return guarded(_run, args)


def _run(args: argparse.Namespace) -> int:
    # OpenCV comes with either.
    if args.serve and not args.list_sources:
        from style_transfer.cli import webcam_serve

        return webcam_serve.run(args)
    from style_transfer.cli import webcam_run

    return webcam_run.run(args)
