"""``style-transfer gatys PHOTO PAINTING``: the optimisation that networks stand in for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from style_transfer.cli.common import Parser, add_common_flags, guarded


def build_parser() -> Parser:
    parser = Parser(
        prog="style-transfer gatys",
        description="Paint one photo like one painting by optimising its pixels (Gatys et al. 2016): slow, "
        "and as good as the losses of training can be.",
    )
    parser.add_argument("content", type=Path, metavar="PHOTO")
    parser.add_argument("style", type=Path, metavar="PAINTING")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="picture to write (photo_painting.png beside PHOTO)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing --output")
    parser.add_argument("--iterations", type=int, default=300, help="of L-BFGS, at most (300)")
    parser.add_argument(
        "--image-size", type=int, metavar="PIXELS", help="length of the longer side (at most 512)"
    )
    parser.add_argument(
        "--style-size", type=int, default=512, help="short side of the painting: stroke size (512)"
    )
    parser.add_argument(
        "--init", choices=("content", "noise"), default="content", help="what to begin with (content)"
    )
    parser.add_argument("--content-weight", type=float, default=1.0, help="(1)")
    parser.add_argument("--style-weight", type=float, default=12.0, help="higher is bolder (12)")
    parser.add_argument(
        "--tone-weight", type=float, default=1.0, help="higher keeps more of what is light and dark (1)"
    )
    parser.add_argument("--tv-weight", type=float, default=0.1, help="higher is smoother (0.1)")
    parser.add_argument(
        "--preview-every", type=int, default=25, metavar="ITERATIONS", help="renew the preview; 0: none (25)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the noise (0)")
    parser.add_argument(
        "--vgg-weights", type=Path, metavar="FILE", help="VGG19 as .pth or .safetensors (downloaded)"
    )
    add_common_flags(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    return guarded(_gatys, args)


def _gatys(args: argparse.Namespace) -> int:
    from style_transfer.cli.gatys_run import run  # torch comes with it

    return run(args)
