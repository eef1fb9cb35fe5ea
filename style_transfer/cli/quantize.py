"""``style-transfer quantize FILE``: prepare a model file for int8."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from style_transfer.cli.common import Parser, add_debug_flag, guarded


def build_parser() -> Parser:
    parser = Parser(
        prog="style-transfer quantize",
        description="Measure on photos what int8 needs to know of a model, and write it into its file.",
    )
    parser.add_argument("model", metavar="FILE", help="a model file, or a model that ships")
    parser.add_argument("--dataset", required=True, metavar="FOLDER", help="photos; two dozen are used")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="where to write the model (into the same file)"
    )
    add_debug_flag(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    return guarded(_quantize, build_parser().parse_args(argv))


def _quantize(args: argparse.Namespace) -> int:
    from pathlib import Path

    from tqdm import tqdm

    from style_transfer.cli.common import say
    from style_transfer.errors import UserError
    from style_transfer.files import are_same, check_writable
    from style_transfer.lock import sole_writer
    from style_transfer.networks.catalogue import find_model, load_model
    from style_transfer.networks.model_file import exact_dtype, save_model
    from style_transfer.runtime.quantize import measure_ranges
    from style_transfer.runtime.threads import set_threads
    from style_transfer.training.dataset import find_photos, range_photos

    source = find_model(args.model)
    if not args.output and not Path(args.model).is_file():
        raise UserError("a model that ships is not written over; name a file with --output")
    target = Path(args.output or source)
    if target.suffix.lower() != ".safetensors":
        raise UserError(f"'{target}' cannot hold what int8 needs; name a .safetensors file with --output")
    check_writable(target)
    before = source.read_bytes()
    model = load_model(source)
    dtype = exact_dtype(model)
    set_threads()
    paths, _ = find_photos(Path(args.dataset))
    photos = range_photos(paths, lambda path: say(f"'{path}' cannot be read and is left out"))
    say(f"measuring {len(model.styles)} style(s) on {len(photos)} photos; minutes for many styles")
    with tqdm(total=1.0, disable=None, bar_format="{percentage:3.0f}% |{bar}| {elapsed}<{remaining}") as bar:
        model.ranges = measure_ranges(model, photos, progress=lambda done: bar.update(done - bar.n))
    with sole_writer(target):
        if are_same(source, target) and source.read_bytes() != before:  # a style has joined it, say
            raise UserError(f"'{target}' has changed in the meantime; run the command again")
        save_model(model, target, dtype=dtype)
    print(target)
    return 0
