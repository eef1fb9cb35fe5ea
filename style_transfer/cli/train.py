"""``train.py`` and ``style-transfer train``: paintings and photos in, a style model out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from style_transfer.cli.common import Parser, add_common_flags, guarded


def build_parser() -> Parser:
    parser = Parser(
        prog="style-transfer train",
        description="Train a style model from one or more paintings and a folder of photos.",
    )
    parser.add_argument(
        "--style-image",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="a painting; several make one model",
    )
    parser.add_argument(
        "--dataset", type=Path, required=True, metavar="DIR", help="a folder of photos, any tree"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="model to write: .safetensors"
    )
    parser.add_argument(
        "--style-info", type=Path, metavar="JSON", help="title, artist, year, licence by style name"
    )

    run = parser.add_argument_group("the run")
    run.add_argument("--steps", type=int, help="length of the run (4000 on a GPU)")
    run.add_argument("--minutes", type=float, help="length of the run in time (30 on a CPU)")
    run.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint beside --output; may be longer"
    )
    run.add_argument("--init", metavar="MODEL", help="start from a trained model's weights")
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--overwrite", action="store_true", help="replace an existing --output")
    run.add_argument("--preview-every", type=int, default=100, metavar="STEPS", help="0: none (100)")
    run.add_argument(
        "--save-every", type=int, default=250, metavar="STEPS", help="model and checkpoint (250)"
    )
    run.add_argument(
        "--tensorboard", type=Path, metavar="DIR", help="also log there; needs the extra [tensorboard]"
    )

    net = parser.add_argument_group("network and losses")
    net.add_argument("--network", choices=("fast", "johnson"), help="fast: real time on a CPU (fast)")
    net.add_argument("--width", type=int, help="channels of the network's first layer")
    net.add_argument("--batch-size", type=int, default=4, help="(4)")
    net.add_argument("--image-size", type=int, default=240, help="side of the training crops, pixels (240)")
    net.add_argument(
        "--style-size", type=int, default=512, help="short side of the paintings: stroke size (512)"
    )
    net.add_argument("--content-weight", type=float, default=1.0, help="(1)")
    net.add_argument("--style-weight", type=float, default=12.0, help="higher is bolder (12)")
    net.add_argument("--tv-weight", type=float, default=0.1, help="higher is smoother (0.1)")
    net.add_argument("--lr", type=float, default=3e-3, help="(0.003)")
    net.add_argument(
        "--vgg-weights", type=Path, metavar="FILE", help="VGG19 as .pth or .safetensors (downloaded)"
    )
    add_common_flags(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    return guarded(_train, args)


def _train(args: argparse.Namespace) -> int:
    from style_transfer.cli.train_run import run  # torch comes with it

    return run(args)
