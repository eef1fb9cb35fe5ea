"""``style-transfer export MODEL -o FILE``: a model as a file that other programs run."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from style_transfer.cli.common import Parser, add_debug_flag, guarded, say
from style_transfer.errors import UserError
from style_transfer.runtime.toolchain import check_compiler, check_onnx_packages


def build_parser() -> Parser:
    parser = Parser(
        prog="style-transfer export",
        description="Write a model as a file that other programs run, for pictures of any size from 16x16.",
    )
    parser.add_argument("model", metavar="MODEL", help="a model that ships, or a file")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help=".onnx: ONNX, opset 18; .pt2: torch.export, every style. Only open .pt2 files you trust",
    )
    onnx = parser.add_argument_group("in an .onnx file")
    look = onnx.add_mutually_exclusive_group()
    look.add_argument(
        "--style", metavar="MIX", help="a style, or a mix: starry_night:0.6,udnie:0.4 (the model's first)"
    )
    look.add_argument("--all-styles", action="store_true", help="every style, mixed by an input 'weights'")
    onnx.add_argument(
        "--statistics",
        choices=("live", "frozen"),
        help="of the norms: each picture's own, or those of --reference for all: no flicker, faster (live)",
    )
    onnx.add_argument("--reference", metavar="PHOTO", help="gives the frozen statistics")
    package = parser.add_argument_group("in a .pt2 file")
    package.add_argument(
        "--package", action="store_true", help="machine code for --device, every style; takes minutes"
    )
    package.add_argument("--device", metavar="NAME", help="what it is for: cpu, cuda (the best there is)")
    parser.add_argument(
        "--precision", choices=("fp32", "fp16"), help="of an .onnx file or a package inside (fp32)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    add_debug_flag(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    return guarded(_export, build_parser().parse_args(argv))


def _export(args: argparse.Namespace) -> int:
    target = Path(args.output)
    _check(args, target)
    from style_transfer.export import export_onnx, export_package, export_pt2  # torch comes with it
    from style_transfer.media.image import read_seen
    from style_transfer.networks.catalogue import find_model, load_model
    from style_transfer.networks.styles import parse_mix
    from style_transfer.runtime.device import choose_device
    from style_transfer.runtime.stylizer import Stylizer
    from style_transfer.runtime.threads import set_threads

    set_threads()
    source = find_model(args.model)
    model = load_model(source)
    mix = None if args.all_styles else parse_mix(model.style_names[0] if args.style is None else args.style)
    if mix is not None:
        model.weights(mix)  # an unknown style is said before a minute of work
    statistics = None
    if mix and args.reference:
        stylizer = Stylizer(model, mix, device="cpu", precision="fp32", engine="torch")
        statistics = stylizer.measure(read_seen(Path(args.reference)), stylizer.look)
    device = choose_device(args.device or "auto") if args.package else None
    say(f"exporting '{source.stem}', {'some minutes' if args.package else 'about a minute'}")
    if device is not None:
        difference = export_package(model, target, device.for_torch(), precision=args.precision or "fp32")
    elif target.suffix.lower() == ".pt2":
        difference = export_pt2(model, target)
    else:
        difference = export_onnx(
            model, target, mix, statistics=statistics, precision=args.precision or "fp32", name=source.stem
        )
    print(f"{target}: largest difference from PyTorch {difference:.1e} of the range 0..1")
    return 0


def _check(args: argparse.Namespace, target: Path) -> None:
    """Find what cannot work before the slow part begins. Raises ``UserError``."""
    suffix = target.suffix.lower()
    if suffix not in (".onnx", ".pt2"):
        raise UserError(f"'{target}' ends neither in .onnx nor in .pt2; give -o one of these")
    for flag in ("style", "all_styles", "statistics", "reference", "precision"):
        if suffix == ".pt2" and getattr(args, flag) and not (flag == "precision" and args.package):
            name = flag.replace("_", "-")
            raise UserError(f"--{name} is for .onnx files; a .pt2 file takes every look as its input")
    if args.package and suffix != ".pt2":
        raise UserError("--package makes a .pt2 file; give -o one of that name")
    if args.device and not args.package:
        raise UserError("--device belongs to --package; other files run on every device")
    if (args.statistics == "frozen") != bool(args.reference):
        raise UserError("--statistics frozen and --reference PHOTO go together; give both")
    if args.reference and args.all_styles:
        raise UserError("frozen statistics belong to one mix; choose it with --style instead of --all-styles")
    folder = target.absolute().parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK) or target.is_dir():
        raise UserError(f"cannot write '{target}'; choose another file with -o")
    if target.exists() and not args.overwrite:
        raise UserError(f"'{target}' exists; give another -o, or --overwrite")
    if suffix == ".onnx":
        check_onnx_packages()
    if args.package:
        check_compiler("--package")
