"""``style-transfer evaluate MODEL``: how good a model is, on photos and on clips."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from style_transfer.cli.common import Parser, add_common_flags, add_engine_flags, guarded


def build_parser() -> Parser:
    parser = Parser(
        prog="style-transfer evaluate",
        description="Say how good a model is: on photos, against the optimisation that it stands in for, "
        "and on clips, how still it holds.",
    )
    parser.add_argument("model", metavar="MODEL", help="a model that ships, or a file")
    parser.add_argument("--styles", nargs="+", metavar="NAME", help="only these (all)")
    parser.add_argument(
        "--style-images",
        type=Path,
        nargs="+",
        metavar="PATH",
        help="the paintings: files or folders, great_wave.jpg for the style great_wave",
    )
    parser.add_argument("--image-size", type=int, metavar="PIXELS",
                        help="side of the photos (256), longer side of the clips (640)")  # fmt: skip
    parser.add_argument(
        "--objective", metavar="MODEL", help="score by the losses of another model's training (the model's)"
    )
    parser.add_argument(
        "--vgg-weights", type=Path, metavar="FILE", help="VGG19 as .pth or .safetensors (downloaded)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")

    photos = parser.add_argument_group("on photos")
    photos.add_argument(
        "--photos",
        type=Path,
        metavar="DIR",
        help="the tenth of these that no training uses, by name; all of a few",
    )
    photos.add_argument("--count", type=int, default=4, help="photos, each in every style (4)")
    photos.add_argument(
        "--iterations", type=int, default=100, help="of L-BFGS to compare with; 0: losses only (100)"
    )
    photos.add_argument(
        "--start", choices=("content", "noise", "both"), default="both", help="of the optimisation (both)"
    )
    photos.add_argument("--cache", type=Path, metavar="DIR", help="keep the optimisation there, it is slow")
    photos.add_argument("--pictures", type=Path, metavar="DIR", help="write a contact sheet and pictures")

    clips = parser.add_argument_group("on clips")
    clips.add_argument("--video", type=Path, nargs="+", metavar="CLIP", help="measure flicker on videos")
    clips.add_argument(
        "--moving-photos", type=Path, metavar="DIR", help="and on clips made of photos, of exact motion"
    )
    clips.add_argument("--frames", type=int, default=100, help="of each video, at most (100)")
    clips.add_argument("--stabilize", type=float, metavar="0..1", help="measure that, too, as stylize has it")
    clips.add_argument("--compare", metavar="MODEL", help="ratios to this model (to the model, live)")
    add_common_flags(parser)
    add_engine_flags(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if not (args.photos or args.video or args.moving_photos):
        parser.error("name what to measure on: --photos, --video or --moving-photos")
    return guarded(_evaluate, args)


def _evaluate(args: argparse.Namespace) -> int:
    from style_transfer.cli.evaluate_run import run  # torch comes with it

    return run(args)
