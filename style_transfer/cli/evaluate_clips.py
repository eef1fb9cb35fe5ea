"""The part of ``evaluate`` that measures on clips."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from tqdm import tqdm

from style_transfer.cli.common import say
from style_transfer.errors import UserError
from style_transfer.evaluation.motion import MOTIONS, Clip, FilmedClip, MadeClip
from style_transfer.evaluation.objective import Objective
from style_transfer.evaluation.stability import Painter, Stability, measure_clip
from style_transfer.media.image import Picture, resize_long_side
from style_transfer.media.pixels import Pixels
from style_transfer.media.sheet import read_some
from style_transfer.media.video.reader import probe
from style_transfer.runtime.film import Film, Timeline
from style_transfer.runtime.stylizer import Stylizer
from style_transfer.runtime.tensors import to_tensor
from style_transfer.training.dataset import find_photos

_SIDE = 640  # pixels of a clip's longer side
_MADE_SIDE = 400  # of a photo that a clip is made of
_INPUT = "input"
_MEASURES = ("warping_error", "contrast", "variation", "style_loss")


def measure_clips(
    args: argparse.Namespace,
    stylizer: Stylizer,
    other: Stylizer | None,
    objective: Objective | None,
    names: Sequence[str],
    clips: Mapping[str, Sequence[Clip]],
    report: dict[str, Any],
) -> None:
    """Print the table, put all figures, JSON-serialisable, into ``report["clips"]``."""
    paintings = {name: number for number, name in enumerate(names)}
    if other and (missing := [name for name in names if name not in other.model.style_names]):
        say(f"'{args.compare}' has no {', '.join(missing)}: left out")
        names = [name for name in names if name not in missing]
        if not names:
            raise UserError("the two models have no style in common; choose with --styles")
    variants = _variants(args)
    results: list[dict[str, Any]] = []
    total = len(names) * sum(map(len, clips.values()))
    try:
        with tqdm(total=total, unit="clip", disable=None, dynamic_ncols=True) as bar:
            for style in names:
                painters: dict[str, Callable[[], Painter]] = {_INPUT: lambda: lambda frame: frame}
                painters |= _painters(stylizer, style, variants)
                if other:
                    for label, make in _painters(other, style, variants).items():
                        painters[f"{args.compare}, {label}"] = make
                loss = _style_loss(objective, paintings[style]) if objective else None
                for kind, clip in ((kind, clip) for kind, group in clips.items() for clip in group):
                    bar.set_postfix_str(f"{style}, {clip.name}")
                    found = measure_clip(clip, {name: make() for name, make in painters.items()}, loss)
                    results += _records(style, kind, clip, found, _baseline(args))
                    bar.update()
                    if bar.disable:
                        say(f"{style}, {clip.name}: measured")
    finally:  # also what was measured before a Ctrl-C
        if results:
            kinds = dict.fromkeys(result["kind"] for result in results)
            rows = {kind: _summary([r for r in results if r["kind"] == kind]) for kind in kinds}
            report["clips"] = {"baseline": _baseline(args), "summary": rows, "clips": results}
            _print_tables(rows, _baseline(args))


def collect_clips(args: argparse.Namespace) -> dict[str, list[Clip]]:
    """By kind, empty where not asked for. Raises ``InputFileError`` for what is no video."""
    videos = args.video or ()
    for path in videos:
        probe(path)
    side = args.image_size or _SIDE
    return {"videos": [FilmedClip(path, side, args.frames) for path in videos], "moving photos": _made(args)}


def _made(args: argparse.Namespace) -> list[Clip]:
    """Each kind of motion in turn, a photo each and at least once."""
    if not args.moving_photos:
        return []
    photos = read_some(find_photos(args.moving_photos)[1], max(args.count, len(MOTIONS)))
    kinds = list(MOTIONS)
    clips: list[Clip] = []
    for number in range(max(len(photos), len(kinds))):
        path, pixels = photos[number % len(photos)]
        if max(pixels.shape[:2]) > (side := args.image_size or _MADE_SIDE):
            pixels = resize_long_side(Picture([pixels]), side).frames[0]
        clips.append(MadeClip(pixels, kinds[number % len(kinds)], label=path.name))
    return clips


def _variants(args: argparse.Namespace) -> dict[str, tuple[bool, float]]:
    """Ways to run a model: steady statistics or not, and how much is held still."""
    variants = {"live": (False, 0.0), "frozen": (True, 0.0)}
    if args.stabilize:
        variants[f"frozen, stabilize {args.stabilize:g}"] = (True, args.stabilize)
    return variants


def _painters(
    stylizer: Stylizer, style: str, variants: dict[str, tuple[bool, float]]
) -> dict[str, Callable[[], Painter]]:
    """Makers of painters that know nothing of a clip yet."""
    timeline = Timeline([stylizer.make_look(style)])

    def maker(steady: bool, stabilize: float) -> Callable[[], Painter]:
        def make() -> Painter:
            film = Film(stylizer, timeline, steady=steady, stabilize=stabilize)
            return lambda frame: film(frame, Fraction(0))

        return make

    return {name: maker(steady, stabilize) for name, (steady, stabilize) in variants.items()}


def _style_loss(objective: Objective, style: int) -> Callable[[Pixels], float]:
    return lambda painted: objective.style_loss(to_tensor(painted), style)


def _baseline(args: argparse.Namespace) -> str:
    """What ratios are to: without any of what steadies."""
    return f"{args.compare}, live" if args.compare else "live"


def _records(
    style: str, kind: str, clip: Clip, found: dict[str, Stability], baseline: str
) -> Iterator[dict[str, Any]]:
    for name, stability in found.items():
        yield {
            "style": style,
            "kind": kind,
            "clip": clip.name,
            "painter": name,
            **asdict(stability),
            "ratios": stability.over(found[baseline]),
        }


def _summary(results: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By painter, means over styles and clips: of the measures, and of the ratios pair by pair."""
    rows: dict[str, dict[str, Any]] = {}
    for painter in dict.fromkeys(result["painter"] for result in results):
        mine = [result for result in results if result["painter"] == painter]
        rows[painter] = {measure: _mean(r[measure] for r in mine) for measure in _MEASURES}
        rows[painter]["ratios"] = {
            measure: _mean(r["ratios"][measure] for r in mine) for measure in _MEASURES
        }
    return rows


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _print_tables(tables: dict[str, dict[str, dict[str, Any]]], baseline: str) -> None:
    for number, (kind, rows) in enumerate(tables.items()):
        width = max(len(kind), *map(len, rows))
        if number:
            print()
        heads = ["warping error x 1000", *(f"{name.replace('_', ' '):>16}" for name in _MEASURES[1:])]
        print(f"{kind:{width}}  {'  '.join(heads)}   (ratio to: {baseline})")
        for painter, row in rows.items():
            cells = [_cell(row, "warping_error", 1000), *(_cell(row, name) for name in _MEASURES[1:])]
            print(f"{painter:{width}}  {cells[0]:>20}  " + "  ".join(f"{cell:>16}" for cell in cells[1:]))


def _cell(row: dict[str, Any], measure: str, unit: float = 1) -> str:
    value, ratio = row[measure], row["ratios"][measure]
    if value is None:
        return "-"
    return f"{value * unit:.4f}" + ("" if ratio is None else f" ({ratio:.2f})")
