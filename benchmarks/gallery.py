"""Stylize photos with every style of a model, and all of them on a contact sheet: ``--output out``.

The pictures of the documents are made by
``style-transfer sheet assets/photos/astronaut.jpg --columns 8 --overwrite -o assets/strip.jpg`` and
``style-transfer sheet assets/photos --height 146 --overwrite -o assets/gallery-fast.jpg``, and the same with
``--model gallery-johnson``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from machine import SAMPLES

from style_transfer.cli import sheet, stylize
from style_transfer.networks.catalogue import DEFAULT_MODEL, open_model


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", nargs="*", default=[str(SAMPLES)], help="images or folders (the samples)")
    parser.add_argument("--model", default=DEFAULT_MODEL, help=f"one that ships, or a file ({DEFAULT_MODEL})")
    parser.add_argument("-o", "--output", type=Path, default=Path("out"), help="folder to write to (out)")
    args = parser.parse_args()
    for style in open_model(args.model).style_names:
        words = [*args.photos, "--model", args.model, "--style", style, "--overwrite"]
        if code := stylize.main([*words, "-o", f"{args.output / style}/"]):
            return code
    words = [*args.photos, "--model", args.model, "--overwrite"]
    return sheet.main([*words, "-o", str(args.output / f"contact_sheet_{Path(args.model).stem}.png")])


if __name__ == "__main__":
    sys.exit(main())
