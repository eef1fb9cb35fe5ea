"""The part of ``evaluate`` that measures on photos."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from style_transfer.cli.common import say
from style_transfer.evaluation.gatys import Iteration
from style_transfer.evaluation.objective import Objective
from style_transfer.evaluation.photos import Pair, measure_pairs, summary
from style_transfer.evaluation.yardstick import STARTS, Yardstick
from style_transfer.media.image import Picture, read_seen
from style_transfer.media.image_writer import write_image
from style_transfer.media.pixels import Pixels
from style_transfer.media.sheet import contact_sheet, read_some, square
from style_transfer.runtime.stylizer import Stylizer
from style_transfer.training.dataset import find_photos

_SIDE = 256


def measure_photos(
    args: argparse.Namespace,
    stylizer: Stylizer,
    objective: Objective,
    paintings: Mapping[str, Path],
    report: dict[str, Any],
) -> None:
    """Print the table, put all figures, JSON-serialisable, into ``report["photos"]``, write the pictures."""
    names, side = list(paintings), args.image_size or _SIDE
    read = read_some(find_photos(args.photos)[1], args.count)
    if small := [path.name for path, pixels in read if min(pixels.shape[:2]) < side]:
        say(
            f"{len(small)} of {len(read)} photos are smaller than {side} pixels and enlarged: {small[0]}, ..."
        )
    photos = [(name, square(pixels, side)) for name, (_, pixels) in zip(_names(read), read, strict=True)]
    yardstick = Yardstick(objective, args.iterations, _cache(args)) if args.iterations else None
    starts = STARTS if args.start == "both" else (args.start,)
    if yardstick:
        count = len(photos) * len(names) * len(starts)
        long = f"{count} times {args.iterations} iterations on the pixels, minutes each"
        say(f"{long}; --iterations 0 leaves them out")
    pairs: list[Pair] = []
    try:
        with tqdm(total=len(photos) * len(names), unit="pair", disable=None, dynamic_ncols=True) as bar:

            def on_iteration(iteration: Iteration) -> None:
                bar.set_postfix_str(f"iteration {iteration.number}, {iteration.losses['total']:.3g}")

            for pair in measure_pairs(stylizer, objective, photos, names, yardstick, starts, on_iteration):
                pairs.append(pair)
                bar.update()
                if bar.disable:
                    share = "" if pair.share is None else f", share {pair.share:.0%}"
                    say(f"{pair.style}, {pair.photo}: total {pair.losses['total']:.4g}{share}")
    finally:  # also what was measured before a Ctrl-C
        if pairs:
            rows = _summaries(pairs)
            report["photos"] = {
                "image_size": side,
                "iterations": args.iterations,
                "photos": [path.name for path, _ in read],
                "summary": rows,
                "pairs": [pair.record() for pair in pairs],
            }
            _print_table(rows, starts if yardstick else ())
    if args.pictures:
        _write_pictures(args, photos, pairs, paintings)


def _summaries(pairs: Sequence[Pair]) -> dict[str, dict[str, Any]]:
    """By style, and of all."""
    names = dict.fromkeys(pair.style for pair in pairs)
    by_style = {name: summary([pair for pair in pairs if pair.style == name]) for name in names}
    return {**by_style, "all": summary(pairs)}


def _names(read: Sequence[tuple[Path, Pixels]]) -> list[str]:
    """The photos' stems; where several folders have the same, with a number."""
    names: list[str] = []
    for path, _ in read:
        seen = sum(path.stem == earlier.stem for earlier, _ in read[: len(names)])
        names.append(f"{path.stem}-{seen + 1}" if seen else path.stem)
    return names


def _cache(args: argparse.Namespace) -> Path | None:
    if args.cache:
        return Path(args.cache)
    if args.pictures:
        return Path(args.pictures) / "optimised"
    say("the optimisation is not kept for the next time; --cache DIR would keep it")
    return None


def _print_table(rows: dict[str, dict[str, Any]], starts: Sequence[str]) -> None:
    width = max(len("style"), *map(len, rows))
    head = f"{'style':{width}}  content   style    tone      tv   total"
    if "content" in starts:
        head += "   share  tenth pct."
    print(head + "".join(f"  iterations from {start}" for start in starts))
    for name, row in rows.items():
        numbers = (f"{row[loss]:6.4f}" for loss in ("content", "style", "tone", "tv", "total"))
        line = f"{name:{width}}   " + "  ".join(numbers)
        if share := row.get("share"):
            line += f"  {share['median']:5.1%}       {share['tenth_percentile']:5.1%}"
        for start in starts:
            worth = row["worth"][start]
            line += f"{'more' if worth is None else format(worth, '.1f'):>{len(start) + 18}}"
        print(line)


def _write_pictures(
    args: argparse.Namespace,
    photos: Sequence[tuple[str, Pixels]],
    pairs: Sequence[Pair],
    paintings: Mapping[str, Path],
) -> None:
    """Each pass as a picture, and a sheet: photos above, a style a row, beside each pass what L-BFGS made."""
    folder = Path(args.pictures)
    columns = [""]
    rows: list[list[Pixels | None]] = [[None]]
    for name, pixels in photos:
        rows[0].append(pixels)
        columns.append(name)
        if args.iterations:
            rows[0].append(None)
            columns.append(f"L-BFGS, {args.iterations} iterations")
    for name, painting in paintings.items():
        row: list[Pixels | None] = [read_seen(painting)]
        for pair in (pair for pair in pairs if pair.style == name):
            write_image(Picture([pair.painted]), folder / f"{pair.photo}_{name}.png")
            row.append(pair.painted)
            if args.iterations:
                curve = pair.curves.get("content") or next(iter(pair.curves.values()))
                row.append(curve.picture)
        rows.append(row)
    sheet = folder / "sheet.png"
    write_image(Picture([contact_sheet(rows, columns, ["photo", *paintings])]), sheet)
    say(f"pictures are in '{folder}', all of them in '{sheet}'")
