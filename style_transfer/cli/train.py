"""``train.py`` and ``style-transfer train``: paintings and photos in, a style model out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from style_transfer.cli.common import Parser, add_common_flags, guarded

#: What ``--stroke`` multiplies the paintings' size by, and the style weights of ``--keep-content``.
STROKES = {"fine": 0.6, "medium": 1.0, "coarse": 1.6}
KEPT = {"low": 24.0, "medium": 12.0, "high": 6.0}
FROM_NOTHING = "none"  # as --init
#: Settings of a run that flags of the same names set.
SETTINGS = ("batch_size", "image_size", "style_size", "lr", "content_weight", "style_weight", "tone_weight",
            "tv_weight", "temporal_weight", "mix_share", "seed")  # fmt: skip


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
        "-o", "--output", type=Path, metavar="FILE", help="model to write: .safetensors (--add-to's file)"
    )
    parser.add_argument(
        "--style-info",
        type=Path,
        metavar="JSON",
        help="title, artist, year, licence, part of the painting to learn, by style name",
    )

    run = parser.add_argument_group("the run")
    run.add_argument(
        "--steps", type=int, help="length of the run, with those before --resume (4000 on a GPU)"
    )
    run.add_argument(
        "--minutes",
        type=float,
        help="the same in time; with both, what comes first ends it"
        " (30 on a CPU; with --quick 5, on a GPU 0.4)",
    )
    run.add_argument(
        "--quick",
        action="store_true",
        help="train only what a style owns, in minutes, on the network of --init",
    )
    start = run.add_mutually_exclusive_group()
    start.add_argument(
        "--init",
        metavar="MODEL",
        help="start from a trained model's weights; none: from nothing"
        " (gallery-fast; none with --network johnson or --width)",
    )
    start.add_argument(
        "--add-to",
        metavar="MODEL",
        help="as --quick, and the style joins this model's, which stay as they are",
    )
    run.add_argument(
        "--resume",
        action="store_true",
        help="go on from the checkpoint beside --output, with its flags where none is given; may be longer",
    )
    run.add_argument("--seed", type=int, help="of first weights, photos and crops (0)")
    run.add_argument("--overwrite", action="store_true", help="replace an existing --output")
    run.add_argument("--preview-every", type=int, default=100, metavar="STEPS", help="0: none (100)")
    run.add_argument(
        "--preview-photos",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="what previews show (six of the dataset's photos that training leaves out)",
    )
    run.add_argument(
        "--save-every",
        type=int,
        default=250,
        metavar="STEPS",
        help="model and checkpoint, and every five minutes; 0: at the end alone (250)",
    )
    run.add_argument(
        "--tensorboard", type=Path, metavar="DIR", help="also log there; needs the extra [tensorboard]"
    )

    net = parser.add_argument_group("network and losses")
    net.add_argument(
        "--network",
        choices=("fast", "johnson"),
        help="fast: real time on a CPU; johnson: the paper's, more detailed (fast)",
    )
    net.add_argument("--width", type=int, help="channels of the network's first layer (48; johnson 32)")
    net.add_argument("--batch-size", type=int, help="pictures painted a step (4; on a CPU 2)")
    net.add_argument("--image-size", type=int, help="side of the training crops, pixels (240; on a CPU 192)")
    strokes = net.add_mutually_exclusive_group()
    strokes.add_argument("--stroke", choices=tuple(STROKES), help="size of the brush (medium)")
    strokes.add_argument("--style-scale", type=float, metavar="X", help="size of the brush; 1 is medium")
    strokes.add_argument(
        "--style-size", type=int, metavar="PIXELS", help="the same as the short side of the paintings (512)"
    )
    net.add_argument("--content-weight", type=float, help="higher keeps more of the photo (1)")
    bold = net.add_mutually_exclusive_group()
    bold.add_argument("--keep-content", choices=tuple(KEPT), help="how much of the photo stays (medium)")
    bold.add_argument("--style-weight", type=float, help="the same as a number: higher is bolder (12)")
    net.add_argument("--tone-weight", type=float, help="higher keeps more of what is light and dark (1)")
    net.add_argument("--tv-weight", type=float, help="higher is smoother (0.1)")
    net.add_argument("--temporal-weight", type=float, help="higher is steadier in video, softer (80)")
    net.add_argument(
        "--mix-share",
        type=float,
        metavar="SHARE",
        help="of the pictures, those painted in a mix of two styles (0.25; 0 with --quick)",
    )
    net.add_argument("--lr", type=float, help="learning rate (0.003; 0.01 with --quick)")
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
