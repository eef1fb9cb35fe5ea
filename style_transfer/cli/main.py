"""The one console command, ``style-transfer``: each job is a sub-command."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from style_transfer import __version__

_COMMANDS = {
    "stylize": "stylize photos and videos",
    "sheet": "paint photos in every style, in small, to choose from",
    "webcam": "paint a camera as it runs",
    "train": "train a style model",
    "export": "write a model as ONNX or .pt2 for other programs",
    "gatys": "paint one photo like one painting, slowly, without a model",
    "evaluate": "say how good a model is, on photos and clips",
    "quantize": "prepare a model file for int8",
    "bench": "measure how fast models run on this machine",
    "info": "say what a model holds and how it was made",
}
_USAGE = "\n".join(
    [
        "usage: style-transfer COMMAND [...]",
        "",
        *(f"  {name:10} {what}" for name, what in _COMMANDS.items()),
        "",
        "style-transfer COMMAND --help says more; --version says which version this is.",
    ]
)


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in _COMMANDS:
        module = importlib.import_module(f"style_transfer.cli.{words[0]}")
        return int(module.main(words[1:]))
    if words and words[0] in ("-h", "--help"):
        print(_USAGE)
        return 0
    if words and words[0] == "--version":
        print(f"style-transfer {__version__}")
        return 0
    problem = (
        f"error: unknown command '{words[0]}'; choose one of {', '.join(_COMMANDS)}" if words else _USAGE
    )
    print(problem, file=sys.stderr)
    return 2
