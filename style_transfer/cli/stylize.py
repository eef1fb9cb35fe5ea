"""``stylize.py`` and ``style-transfer stylize``: photos in, paintings out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from style_transfer.cli.common import add_common_flags, guarded


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="style-transfer stylize",
        description="Stylize photos: files, or whole folders with -o.",
    )
    parser.add_argument("inputs", nargs="*", metavar="PHOTO", help="images, or folders of images (searched recursively)")
    parser.add_argument("-o", "--output", metavar="PATH", help="file or folder; without it, beside each photo")
    parser.add_argument("--overwrite", action="store_true", help="replace results that exist instead of skipping them")

    look = parser.add_argument_group("the look")
    look.add_argument("--style", metavar="MIX", help="a style, or a mix: great_wave:0.6,the_scream:0.4")
    look.add_argument("--model", metavar="NAME", help="a model that ships, or a file (gallery-fast)")
    look.add_argument("--strength", type=float, default=1.0, help="0: the photo, 1: the painting (1)")
    look.add_argument("--preserve-color", action="store_true", help="keep the photo's own colours")
    look.add_argument("--list-models", action="store_true", help="say which models ship, and end")
    look.add_argument("--list-styles", action="store_true", help="say which styles the model has, and end")

    file = parser.add_argument_group("the files")
    file.add_argument("--image-size", type=int, metavar="PIXELS", help="length of the longer side (as it is)")
    file.add_argument("--format", metavar="NAME", help="jpg, png, webp, tiff, avif, gif (as the photo)")
    file.add_argument("--quality", type=int, default=92, metavar="1..100", help="of JPEG, WebP and AVIF (92)")
    file.add_argument("--max-megapixels", type=float, default=512, metavar="N", help="refuse larger images (512)")
    add_common_flags(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if not (args.inputs or args.list_models or args.list_styles):
        parser.error("name a photo or a folder of photos; --help shows more")
    return guarded(_stylize, args)


def _stylize(args: argparse.Namespace) -> int:
    from style_transfer.cli.stylize_run import run  # torch comes with it

    return run(args)
