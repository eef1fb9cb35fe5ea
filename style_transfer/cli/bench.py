"""``style-transfer bench``: how fast models run on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from style_transfer.cli.common import Parser, add_debug_flag, guarded


def build_parser() -> Parser:
    parser = Parser(
        prog="style-transfer bench",
        description="Measure how fast models run on this machine, with each engine and precision it has.",
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME",
        help="a model that ships, a .safetensors or .pt2 file, or fast or johnson untrained; may be repeated"
        " (all that ship)",
    )
    parser.add_argument(
        "--resolution", action="append", metavar="WxH", help="may be repeated (640x480 and 1280x720)"
    )
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps, xpu")
    parser.add_argument(
        "--engine", action="append", choices=("torch", "openvino"), help="may be repeated (both on a CPU)"
    )
    parser.add_argument("--photo", metavar="FILE", help="what is painted (matplotlib's sample)")
    parser.add_argument("--seconds", type=float, default=6.0, metavar="N", help="to measure each row (6)")
    parser.add_argument("--quick", action="store_true", help="640x480 only, a second a row")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    parser.add_argument("--compare", metavar="FILE", help="of an earlier --json: add how many times as fast")
    add_debug_flag(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    return guarded(_bench, build_parser().parse_args(argv))


def _bench(args: argparse.Namespace) -> int:
    from style_transfer.cli.bench_run import run  # torch comes with it

    return run(args)
