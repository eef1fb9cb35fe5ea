"""Stylize photos with every style of a model: the pictures one by one, and all of them on a contact sheet.

``python benchmarks/gallery.py --output out`` takes the sample photos and the default model. The README's
picture strip is made by ``--strip assets/strip.jpg``, the sheets of ``models/README.md`` by
``--model gallery-fast --sheet assets/gallery-fast.jpg`` and the same for the other model.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from machine import SAMPLES

from style_transfer.cli.common import add_common_flags, add_engine_flags, guarded, stylizer_of
from style_transfer.media.collect import collect_jobs
from style_transfer.media.image import Picture, read_image, resize_long_side
from style_transfer.media.image_writer import write_image
from style_transfer.media.sheet import contact_sheet

HEIGHT = 220  # of the contact sheet's cells, pixels


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Stylize photos with every style; write pictures and a contact sheet."
    )
    parser.add_argument(
        "photos", nargs="*", type=Path, default=[SAMPLES], help="images or folders (the samples)"
    )
    parser.add_argument(
        "--model", default="gallery-fast", help="a model that ships, or a file (gallery-fast)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("out"), help="folder for the pictures (out)"
    )
    parser.add_argument(
        "--image-size", type=int, metavar="PIXELS", help="length of the longer side (as it is)"
    )
    parser.add_argument(
        "--strip", type=Path, metavar="FILE", help="write only this: the first photo in every style"
    )
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE", help="write only this: every photo in every style, in small"
    )
    add_common_flags(parser)
    add_engine_flags(parser)
    args = parser.parse_args()
    return guarded(gallery, args)


def gallery(args: argparse.Namespace) -> int:
    stylize = stylizer_of(args, args.model)
    sources = [
        job.source for job in collect_jobs(args.photos, args.output / "_", suffix="", extension=".jpg")
    ]
    names = stylize.model.style_names
    columns = ["photo", *names]
    rows = []
    for source in sources[:1] if args.strip else sources:
        picture = read_image(source)
        if args.image_size:
            picture = resize_long_side(picture, args.image_size)
        photo = picture.frames[0]
        row = [photo]
        for name in names:
            row.append(stylize(photo, stylize.make_look(name)))
            if not (args.strip or args.sheet):
                target = args.output / f"{source.stem}_{name}.jpg"
                write_image(Picture([row[-1]], exif=picture.exif), target)
                print(target)
        rows.append(row)
    sheet = args.strip or args.sheet or args.output / f"contact_sheet_{Path(args.model).stem}.png"
    if args.strip:
        drawn = strip(rows[0], columns)
    elif args.sheet:
        drawn = styles_below_one_another(rows, ["photo", *map(str, stylize.model.styles)])
    else:
        drawn = contact_sheet(rows, columns, [""] * len(rows), HEIGHT)
    write_image(Picture([drawn]), sheet, quality=88)
    print(sheet)
    return 0


def strip(row: list[np.ndarray], captions: list[str]) -> np.ndarray:
    """Pictures of one size on lines of up to eight, as even as can be."""
    lines = -(-len(row) // 8)
    each = -(-len(row) // lines)
    row = [*row, *[np.full_like(row[0], 255)] * (lines * each - len(row))]
    captions = [*captions, *[""] * (len(row) - len(captions))]
    parts = [slice(i, i + each) for i in range(0, len(row), each)]
    return np.concatenate([contact_sheet([row[part]], captions[part], [""], HEIGHT) for part in parts])


def styles_below_one_another(rows: list[list[np.ndarray]], captions: list[str]) -> np.ndarray:
    """All photos in one style on a line, its name above them; two thirds as large as elsewhere."""
    return contact_sheet(list(zip(*rows, strict=True)), [""] * len(rows), captions, HEIGHT * 2 // 3)


if __name__ == "__main__":
    sys.exit(main())
