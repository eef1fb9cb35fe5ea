"""``stylize.py`` and ``style-transfer stylize``: photos and videos in, paintings out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from style_transfer.cli.common import Parser, add_common_flags, add_engine_flags, add_statistics_flag, guarded

#: What only videos have, and what it is unless asked for.
VIDEO_DEFAULTS = {
    "codec": None, "crf": None, "preset": None, "no_audio": False, "start": None, "end": None,
    "preview": None, "fps": None, "transition": "1", "stabilize": 0.0, "resume": False, "side_by_side": False,
}  # fmt: skip
#: The same of photos and the images of sequences.
IMAGE_DEFAULTS = {"format": None, "quality": 92}


def build_parser() -> Parser:
    parser = Parser(
        prog="style-transfer stylize",
        description="Stylize photos and videos: files, or whole folders with -o.",
    )
    parser.add_argument(
        "inputs", nargs="*", metavar="FILE", help="photos, videos, folders of these; or frame_%%05d.png"
    )
    parser.add_argument(
        "-o", "--output", metavar="PATH", help="file or folder; without it, beside each photo"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace results that exist instead of skipping them"
    )

    look = parser.add_argument_group("the look")
    look.add_argument(
        "--style",
        metavar="MIX",
        help="a style, or a mix: starry_night:0.6,udnie:0.4; in videos also one after another: 'a@0;b@12.5'",
    )
    look.add_argument(
        "--model", metavar="NAME", help="one that ships, or a .safetensors, .onnx or .pt2 file (gallery-fast)"
    )
    look.add_argument("--strength", type=float, default=1.0, help="0: the photo, 1: the painting (1)")
    look.add_argument("--preserve-color", action="store_true", help="keep the photo's own colours")
    look.add_argument("--list-models", action="store_true", help="say which models ship, and end")
    look.add_argument("--list-styles", action="store_true", help="say which styles the model has, and end")

    look.add_argument(
        "--paint-size",
        type=int,
        metavar="PIXELS",
        help="paint at this longer side and enlarge the painting: larger strokes (as it is)",
    )

    file = parser.add_argument_group("the files")
    file.add_argument(
        "--image-size", type=int, metavar="PIXELS", help="the result's longer side, larger too (as it is)"
    )
    file.add_argument("--format", metavar="NAME", help="jpg, png, webp, tiff, avif, gif (as the photo)")
    file.add_argument("--quality", type=int, metavar="1..100", help="of JPEG, WebP and AVIF (92)")
    file.add_argument(
        "--max-megapixels", type=float, default=512, metavar="N", help="refuse larger images (512)"
    )

    video = parser.add_argument_group("videos")
    video.add_argument("--codec", help="h264, hevc, av1, vp9 (h264; vp9 in .webm)")
    video.add_argument("--crf", type=int, metavar="N", help="quality, lower is better (18 for h264)")
    video.add_argument("--preset", help="of the encoder, slower is smaller (veryfast for h264)")
    video.add_argument("--no-audio", action="store_true", help="leave the sound out")
    video.add_argument("--start", metavar="TIME", help="from there on: 10 or 0:42.5")
    video.add_argument("--end", metavar="TIME", help="up to there")
    video.add_argument("--preview", metavar="SECONDS", help="only the first seconds, clip_STYLE_preview.mp4")
    video.add_argument("--fps", metavar="N", help="a constant rate: 30 or 30000/1001 (every frame as it is)")
    add_statistics_flag(video, default="frozen")
    video.add_argument("--transition", metavar="SECONDS", help="from one style to the next, in videos (1)")
    video.add_argument(
        "--stabilize",
        type=float,
        metavar="0..1",
        help="keep what only moved as it was painted: stiller, takes longer (0)",
    )
    video.add_argument(
        "--resume", action="store_true", help="go on where a run with --resume was interrupted"
    )
    video.add_argument("--side-by-side", action="store_true", help="the input to the left of the painting")
    parser.set_defaults(**VIDEO_DEFAULTS, **IMAGE_DEFAULTS)
    add_common_flags(parser)
    add_engine_flags(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if not (args.inputs or args.list_models or args.list_styles):
        parser.error("name a photo, a video, or a folder of these")
    return guarded(_stylize, args)


def _stylize(args: argparse.Namespace) -> int:
    from style_transfer.cli.stylize_run import run  # OpenCV comes with it

    return run(args)
