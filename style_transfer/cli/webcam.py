"""``webcam.py`` and ``style-transfer webcam``: a camera, painted as it runs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from style_transfer.cli.common import Parser, add_common_flags, add_engine_flags, guarded
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
        "--source",
        default="0",
        metavar="WHAT",
        help="a camera's number or /dev/video2, a file, rtsp://... (0)",
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
    look.add_argument("--style", metavar="MIX", help="a style, or a mix: great_wave:0.6,the_scream:0.4")
    look.add_argument("--model", metavar="NAME", help="a model that ships, or a file (gallery-fast)")
    look.add_argument("--strength", type=float, default=1.0, help="0: the camera, 1: the painting (1)")
    look.add_argument("--preserve-color", action="store_true", help="keep the camera's own colours")
    look.add_argument("--mirror", action="store_true", help="swap left and right, as a mirror does")
    look.add_argument(
        "--cycle", type=float, metavar="SECONDS", help="go to the next style by itself so often"
    )

    result = parser.add_argument_group("the result")
    result.add_argument("--record", metavar="FILE", help="write an .mp4, .mov or .mkv too; it has no sound")
    result.add_argument("--overwrite", action="store_true", help="replace the file of --record if it exists")
    result.add_argument(
        "--virtual-camera", action="store_true", help="be a camera for other programs, such as calls"
    )
    result.add_argument(
        "--headless", action="store_true", help="no window; needs --record or --virtual-camera"
    )
    result.add_argument(
        "--target-fps",
        type=float,
        metavar="N",
        help="paint smaller if need be so that this holds (the source's)",
    )
    add_engine_flags(parser)
    add_common_flags(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.headless and not (args.record or args.virtual_camera or args.list_sources):
        parser.error("--headless shows nothing; add --record FILE or --virtual-camera")
    return guarded(_run, args)


def _run(args: argparse.Namespace) -> int:
    from style_transfer.cli.webcam_run import run  # OpenCV comes with it

    return run(args)
