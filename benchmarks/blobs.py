"""Look for blobs: what stands out most in stylized photos, flat pictures, skies and black frames.

``python benchmarks/blobs.py gallery-fast --photos photos/ -o blobs.png`` writes a contact sheet, the photo's
patch beside each painted one, with what surrounds it, and prints the scores (see ``evaluation/patches.py``).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from style_transfer.cli.common import add_common_flags, add_engine_flags, guarded, say, stylizer_of
from style_transfer.evaluation.patches import KINDS, Patch, around, standing_out
from style_transfer.files import write_json
from style_transfer.media.image import Picture
from style_transfer.media.image_writer import write_image
from style_transfer.media.sheet import contact_sheet, read_some, square
from style_transfer.training.dataset import find_photos


@dataclass(frozen=True)
class Found:
    """A patch, and what it is of; ``flat`` is False for photos."""

    patch: Patch
    picture: str
    style: str
    flat: bool
    before: np.ndarray
    after: np.ndarray


def main() -> int:
    parser = argparse.ArgumentParser(description="Look for blobs; write a contact sheet.")
    parser.add_argument("model", help="a model that ships, or a file")
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="those held out are taken")
    parser.add_argument("--all", action="store_true", help="take all photos, not those held out alone")
    parser.add_argument("--count", type=int, default=500, help="stylized photos, styles in turn (500)")
    parser.add_argument("--image-size", type=int, default=256, metavar="PIXELS", help="(256)")
    parser.add_argument("--keep", type=int, default=8, help="patches of each kind on the sheet (8)")
    parser.add_argument("-o", "--output", type=Path, default=Path("blobs.png"), help="(blobs.png)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the scores of all patches")
    add_common_flags(parser)
    add_engine_flags(parser)
    args = parser.parse_args()
    return guarded(search, args)


def search(args: argparse.Namespace) -> int:
    stylize = stylizer_of(args, args.model)
    found: list[Found] = []
    for number, (name, style, flat, pixels) in enumerate(inputs(args, stylize.model.style_names), 1):
        painting = stylize(pixels, stylize.make_look(style))
        for patch in standing_out(pixels, painting):
            views = around(pixels, patch), around(painting, patch)
            found.append(Found(patch, name, style, flat, *views))
        if number % 50 == 0:
            say(f"{number} pictures painted")
    report(found)
    rows, labels = [], []
    for flat in (False, True):
        for kind in KINDS:
            worst = ranked(found, kind, flat)[: args.keep]
            if worst:
                cells = [view for one in worst for view in (one.before, one.after)]
                rows.append(cells + [None] * (2 * args.keep - len(cells)))
                labels.append(f"{kind}, {'made pictures' if flat else 'photos'}: " + "; ".join(
                    f"{one.patch.score:.2f} {one.style}" for one in worst))  # fmt: skip
    write_image(Picture([contact_sheet(rows, ["", ""] * args.keep, labels, height=96)]), args.output)
    if args.json:
        facts = [{"picture": f.picture, "style": f.style, **asdict(f.patch)} for f in found]
        write_json(args.json, facts)
    print(args.output)
    return 0


def inputs(args: argparse.Namespace, styles: list[str]) -> Iterator[tuple[str, str, bool, np.ndarray]]:
    """Name, style, whether it is made, and pixels: photos with the styles in turn, made pictures in all."""
    paths = sorted(args.photos.rglob("*.jpg")) if args.all else find_photos(args.photos)[1]
    photos = read_some(paths, args.count)
    numbers = range(min(args.count, len(photos) * len(styles)))
    for number in numbers:
        again, index = divmod(number, len(photos))
        path, pixels = photos[index]
        yield path.name, styles[(index + again) % len(styles)], False, square(pixels, args.image_size)
    for name, pixels in made_pictures(args.image_size).items():
        for style in styles:
            yield name, style, True, pixels


def made_pictures(side: int) -> dict[str, np.ndarray]:
    """Flat colours, skies from one colour to another, black frames with almost nothing in them."""
    flat = {"black": (0, 0, 0), "white": (255, 255, 255), "grey": (128, 128, 128), "red": (230, 20, 20),
            "green": (20, 180, 40), "blue": (20, 60, 230), "yellow": (250, 230, 30)}  # fmt: skip
    made = {name: np.full((side, side, 3), colour, np.uint8) for name, colour in flat.items()}
    down = np.linspace(0, 1, side)[:, None, None]
    skies = {
        "noon": ((20, 90, 230), (170, 210, 255)),
        "sunset": ((60, 20, 90), (255, 140, 20)),
        "overexposed": ((235, 245, 255), (255, 255, 255)),
    }
    for name, (above, below) in skies.items():
        sky = (1 - down) * above + down * below
        made[f"sky, {name}"] = np.broadcast_to(sky, (side, side, 3)).round().astype(np.uint8)
    rng = np.random.default_rng(0)
    made["black with noise"] = rng.normal(2, 2, (side, side, 3)).clip(0, 255).astype(np.uint8)
    lamp = made["black"].copy()
    lamp[side // 4 : side // 4 + 6, side // 3 : side // 3 + 6] = 255
    made["black with a lamp"] = lamp
    horizon = made["sky, noon"].copy()
    horizon[-side // 4 :] = (40, 70, 30)
    made["sky over land"] = horizon
    return made


def report(found: list[Found]) -> None:
    print(f"{'':44}  median    99 %  highest  of")
    for flat in (False, True):
        for kind in KINDS:
            scores = ranked(found, kind, flat)
            if scores:
                values = [one.patch.score for one in scores]
                middle, high = np.percentile(values, [50, 99])
                label = f"{kind}, {'made pictures' if flat else 'photos'}"
                of = f"{scores[0].style}, {scores[0].picture}"
                print(f"{label:44}  {middle:6.3f}  {high:6.3f}   {values[0]:6.3f}  {of}")


def ranked(found: list[Found], kind: str, flat: bool) -> list[Found]:
    mine = (one for one in found if one.patch.kind == kind and one.flat == flat)
    return sorted(mine, key=lambda one: -one.patch.score)


if __name__ == "__main__":
    sys.exit(main())
