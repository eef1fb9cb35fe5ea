"""What ``evaluate`` does: the model, its paintings and photos found, measured, and told in tables."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from style_transfer.cli.common import check_least, say, stylizer_of
from style_transfer.cli.evaluate_clips import collect_clips, measure_clips
from style_transfer.cli.evaluate_photos import measure_photos
from style_transfer.errors import UnknownNameError, UserError
from style_transfer.evaluation.objective import Objective, Recipe
from style_transfer.evaluation.paintings import find_paintings
from style_transfer.files import check_writable, write_json
from style_transfer.networks.catalogue import open_model
from style_transfer.runtime.stylizer import Stylizer


def run(args: argparse.Namespace) -> int:
    """Measure as asked; 0 when done."""
    _check(args)
    stylizer = stylizer_of(args, args.model)
    names = _styles(args, stylizer)
    paintings = find_paintings(args.style_images, names) if args.style_images else {}
    clips = collect_clips(args)
    other = stylizer_of(args, args.compare) if args.compare else None
    objective = _objective(args, stylizer, paintings) if paintings else None
    report: dict[str, Any] = {"model": args.model, "device": stylizer.summary}
    if objective:
        report["objective"] = {"of": args.objective or args.model, **vars(objective.recipe)}
    try:
        if args.photos:
            assert objective is not None
            measure_photos(args, stylizer, objective, paintings, report)
        if any(clips.values()):
            measure_clips(args, stylizer, other, objective, names, clips, report)
    finally:  # hours of work are kept whatever becomes of the rest
        if args.json and report.keys() & {"photos", "clips"}:
            write_json(args.json, report)
    return 0


def _check(args: argparse.Namespace) -> None:
    check_least(args, count=1, iterations=0, frames=2, image_size=32)
    if args.stabilize is not None and not 0 < args.stabilize <= 1:
        raise UserError(f"--stabilize must be above 0 and at most 1, not {args.stabilize:g}")
    if args.photos and not args.style_images:
        raise UserError("--photos needs the paintings; give --style-images a folder of them")
    for name in ("compare", "stabilize"):
        if getattr(args, name) and not (args.video or args.moving_photos):
            raise UserError(f"--{name} is of clips; give --video or --moving-photos")
    for name in ("cache", "pictures"):
        if getattr(args, name) and not args.photos:
            raise UserError(f"--{name} is of photos; give --photos")
    if args.json:
        check_writable(args.json)
    if args.pictures:
        check_writable(args.pictures / "sheet.png")
    if args.cache:
        check_writable(args.cache / "curve.json")


def _styles(args: argparse.Namespace, stylizer: Stylizer) -> list[str]:
    known = stylizer.model.style_names
    for name in args.styles or ():
        if name not in known:
            raise UnknownNameError("style", name, known)
    return list(dict.fromkeys(args.styles or known))


def _objective(args: argparse.Namespace, stylizer: Stylizer, paintings: Mapping[str, Path]) -> Objective:
    """What the model was trained on, with these paintings by style."""
    training = open_model(args.objective).training if args.objective else stylizer.model.training
    recipe, device = Recipe.of(training), stylizer.device.for_torch()
    for run in training.get("added", []):
        others = [name for name in run.get("styles", []) if name in paintings]
        if others and Recipe.of(run) != recipe:
            say(f"{', '.join(others)}: trained with other weights or sizes; scored by those of the model")
    parts = {style.name: style.part for style in stylizer.model.styles}
    learned = [parts[name] for name in paintings]
    return Objective(recipe, list(paintings.values()), learned, vgg_weights=args.vgg_weights, device=device)
