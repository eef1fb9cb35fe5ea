"""Stylize photos with every style of a model: the pictures one by one, and all of them on a contact sheet.

``python benchmarks/gallery.py --output out`` takes the sample photos and the default model. The README's
picture strip is made by ``--strip assets/strip.jpg``, the sheets of ``models/README.md`` by
``--model gallery-fast --sheet assets/gallery-fast.jpg`` and the same for the other model.
"""

from __future__ import annotations

import argparse
import sys
import unicodedata
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from style_transfer import Stylizer
from style_transfer.cli.common import add_common_flags, add_engine_flags, guarded
from style_transfer.media.collect import collect_jobs
from style_transfer.media.image import Picture, read_image, resize_long_side
from style_transfer.media.image_writer import write_image

SAMPLES = Path(__file__).resolve().parent.parent / "assets" / "photos"
HEIGHT, GAP, CAPTION = 220, 6, 22  # of the contact sheet's cells, pixels


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
    stylize = Stylizer(args.model, device=args.device, precision=args.precision, engine=args.engine)
    sources = [
        job.source for job in collect_jobs(args.photos, args.output / "_", suffix="", extension=".jpg")
    ]
    names = stylize.model.style_names
    columns = [["photo", *names]]
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
        drawn = strip(rows[0], columns[0])
    elif args.sheet:
        drawn = styles_below_one_another(rows, ["photo", *map(str, stylize.model.styles)])
    else:
        drawn = contact_sheet(rows, columns[0])
    write_image(Picture([drawn]), sheet, quality=88)
    print(sheet)
    return 0


def strip(row: list[np.ndarray], captions: list[str]) -> np.ndarray:
    """Pictures of one size on lines of up to eight, as even as can be."""
    lines = -(-len(row) // 8)
    each = -(-len(row) // lines)
    row = [*row, *[np.full_like(row[0], 255)] * (lines * each - len(row))]
    captions = [*captions, *[""] * (len(row) - len(captions))]
    parts = range(0, len(row), each)
    return np.concatenate([contact_sheet([row[i : i + each]], captions[i : i + each]) for i in parts])


def styles_below_one_another(rows: list[list[np.ndarray]], captions: list[str]) -> np.ndarray:
    """All photos in one style on a line, its name above them; two thirds as large as elsewhere."""
    none = [""] * (len(rows) - 1)
    lines = [contact_sheet([[row[i] for row in rows]], [name, *none]) for i, name in enumerate(captions)]
    whole = Image.fromarray(np.concatenate(lines))
    return np.asarray(whole.resize((whole.width * 2 // 3, whole.height * 2 // 3), Image.Resampling.LANCZOS))


def contact_sheet(rows: list[list[np.ndarray]], captions: list[str]) -> np.ndarray:
    """Pictures (uint8 HWC RGB) scaled to one height, a row each, with a caption above every column."""
    cells = [[_scaled(picture) for picture in row] for row in rows]
    width = sum(max(row[i].width for row in cells) + GAP for i in range(len(captions))) + GAP
    sheet = Image.new("RGB", (width, CAPTION + len(rows) * (HEIGHT + GAP)), "white")
    draw = ImageDraw.Draw(sheet)
    left = GAP
    for i, caption in enumerate(captions):
        column = max(row[i].width for row in cells)
        # Pillow's own font has no accents.
        plain = unicodedata.normalize("NFKD", caption).encode("ascii", "ignore").decode()
        draw.text((left, 4), plain, fill="black", font=ImageFont.load_default(14))
        for j, row in enumerate(cells):
            sheet.paste(row[i], (left, CAPTION + j * (HEIGHT + GAP)))
        left += column + GAP
    return np.asarray(sheet)


def _scaled(picture: np.ndarray) -> Image.Image:
    image = Image.fromarray(picture)
    return image.resize((round(image.width * HEIGHT / image.height), HEIGHT), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    sys.exit(main())
