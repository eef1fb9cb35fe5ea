"""``style-transfer sheet PHOTO``: every style in small, to choose from."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from style_transfer.cli.common import Parser, add_common_flags, add_engine_flags, guarded


def build_parser() -> Parser:
    parser = Parser(
        prog="style-transfer sheet",
        description="Paint photos in every style of a model, in small on one picture, to choose from: one"
        " photo beside itself, several with a line for each style.",
    )
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="photos, or folders of some")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="picture to write (photo_styles.jpg beside PHOTO)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing --output")
    parser.add_argument(
        "--model", default="gallery-fast", metavar="NAME", help="one that ships, or a file (gallery-fast)"
    )
    parser.add_argument("--strength", type=float, default=1.0, help="0: the photo, 1: the painting (1)")
    parser.add_argument("--preserve-color", action="store_true", help="keep the photo's own colours")
    parser.add_argument(
        "--paint-size", type=int, metavar="PIXELS", help="paint at this longer side (as the photo is)"
    )
    parser.add_argument("--height", type=int, default=220, metavar="PIXELS", help="of each painting (220)")
    parser.add_argument("--columns", type=int, default=4, metavar="N", help="of one photo's paintings (4)")
    add_common_flags(parser)
    add_engine_flags(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    return guarded(_sheet, build_parser().parse_args(argv))


def _sheet(args: argparse.Namespace) -> int:
    from style_transfer.cli.sheet_run import run  # OpenCV comes with it

    return run(args)
