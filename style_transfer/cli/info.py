"""``style-transfer info MODEL``: what a model holds and how it was made."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from typing import Any

from style_transfer.cli.common import Parser, add_debug_flag, guarded


def build_parser() -> Parser:
    parser = Parser(prog="style-transfer info", description="Say what a model holds and how it was made.")
    parser.add_argument("model", metavar="MODEL", help="a model that ships, or a file")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_debug_flag(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    return guarded(_info, build_parser().parse_args(argv))


def _info(args: argparse.Namespace) -> int:
    from style_transfer.networks.catalogue import open_model
    from style_transfer.networks.exported_file import OnnxModel, PackagedModel

    model = open_model(args.model)
    description = model.describe()
    if args.json:
        text = json.dumps(description, ensure_ascii=False, indent=2)
        print(re.sub("[\x7f-\x9f]", lambda match: f"\\u{ord(match[0]):04x}", text))
        return 0
    if isinstance(model, OnnxModel):
        size = f"exported as ONNX in {model.precision}, {'frozen' if model.frozen else 'live'} statistics"
    else:
        count = sum(array.size for array in [*model.network.weights.values(), *model.parameters])
        size = f"{count:,} parameters"
    arguments = "".join(f", {name} {value}" for name, value in model.network.plan.arguments.items())
    print(f"network: {model.network.plan.name}{arguments}; {size}")
    if isinstance(model, PackagedModel):
        print(f"compiled for: {model.device_type}")
    print("styles:")
    for style in model.styles:
        part = f"the part {style.part}" if style.part else ""
        print("  " + ", ".join(filter(None, (str(style), part, style.licence))))
    if model.training:
        print("training:")
        _print_table(model.training, "  ")
    return 0


def _print_table(table: dict[str, Any], indent: str) -> None:
    """A line an entry; what each style that joined was trained with stands below it."""
    for name, value in table.items():
        tables = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
        words = ", ".join(map(str, value)) if isinstance(value, list) else value
        print(_plain(f"{indent}{name}:" + ("" if tables else f" {words}")))
        for inner in tables:
            _print_table(inner, indent + "  ")


def _plain(text: str) -> str:
    """Without control characters, which could do anything to a terminal: models come from strangers."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
