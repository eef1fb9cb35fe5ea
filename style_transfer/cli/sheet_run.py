"""What ``sheet`` reads, paints and writes."""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from style_transfer.cli.common import check_least, check_strength, stylizer_of
from style_transfer.errors import UserError
from style_transfer.files import are_same, check_writable, exists
from style_transfer.media.collect import collect_jobs
from style_transfer.media.image import Picture, read_seen
from style_transfer.media.image_writer import output_format, write_image
from style_transfer.media.sheet import contact_grid, contact_sheet, of_height
from style_transfer.runtime.margin import paint_with_margin
from style_transfer.runtime.scaled import shrunk_to

_MOST_PHOTOS = 40
_SMALLEST = 16  # pixels
_QUALITY = 88  # to look at, not to keep


def run(args: argparse.Namespace) -> int:
    """Write the sheet as asked; 0. Raises ``UserError`` for what cannot be meant."""
    output: Path = args.output or args.photos[0].with_name(f"{args.photos[0].stem}_styles.jpg")
    photos = _photos(args, output)
    stylizer = stylizer_of(args, args.model)
    looks = [
        stylizer.make_look(name, strength=args.strength, preserve_color=args.preserve_color)
        for name in stylizer.model.style_names
    ]
    names = [str(style) for style in stylizer.model.styles]
    rows = []
    with tqdm(total=len(photos) * len(names), unit="painting", disable=None) as bar:
        for path in photos:
            photo = shrunk_to(read_seen(path), args.paint_size)
            rows.append([of_height(photo, args.height)])  # at once, as many large ones fill the memory
            for look in looks:
                rows[-1].append(of_height(paint_with_margin(stylizer, photo, look), args.height))
                bar.update()
    if len(rows) == 1:
        sheet = contact_grid(rows[0], ["photo", *stylizer.model.style_names], args.columns, args.height)
    else:
        by_style = list(zip(*rows, strict=True))
        sheet = contact_sheet(by_style, [""] * len(rows), ["photo", *names], args.height)
    write_image(Picture([sheet]), output, quality=_QUALITY)
    print(output)
    return 0


def _photos(args: argparse.Namespace, output: Path) -> list[Path]:
    output_format(output)
    check_strength(args)
    check_least(args, paint_size=_SMALLEST, height=_SMALLEST, columns=1)
    if exists(output) and not args.overwrite:
        raise UserError(f"'{output}' exists; give another -o, or --overwrite")
    jobs = collect_jobs(args.photos, output.parent / "x", suffix="", extension=None)
    photos = [job.source for job in jobs if not job.is_video]
    if not photos:
        raise UserError("a sheet shows photos, and there is none here")
    if len(photos) > _MOST_PHOTOS:
        raise UserError(f"a sheet shows up to {_MOST_PHOTOS} photos, and these are {len(photos)}")
    if any(are_same(path, output) for path in photos):
        raise UserError(f"'{output}', an input, would be written over; give another -o")
    check_writable(output)
    return photos
