"""The model that a run trains: new, begun from another, or styles that are to join one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from style_transfer.cli.train import FROM_NOTHING
from style_transfer.errors import InputFileError, UserError, one_line
from style_transfer.files import readable
from style_transfer.networks.catalogue import DEFAULT_MODEL, load_model
from style_transfer.networks.style_model import StyleBank, StyleModel
from style_transfer.networks.styles import Ranges, Style, StyleParameters, check_style_names, composed


def named_styles(args: argparse.Namespace, before: Mapping[str, Any] | None = None) -> list[Style]:
    """One style a painting, named after its file, with what ``--style-info`` tells of it.

    Without it, with what ``before`` does: the description of the run that is resumed.
    """
    names = [composed(path.stem) for path in args.style_image]
    check_style_names(names)
    known: dict[str, Any] = {}
    if args.style_info:
        try:
            known = json.loads(args.style_info.read_text(encoding="utf-8-sig"))  # editors of Windows mark it
            about = [{key: str(value) for key, value in known.get(name, {}).items()} for name in names]
            return [Style(name, **facts) for name, facts in zip(names, about, strict=True)]
        except (TypeError, AttributeError) as error:
            raise InputFileError(
                f"--style-info '{args.style_info}' must hold, by style name, "
                "title, artist, year, licence and part"
            ) from error
        except (OSError, ValueError, RecursionError) as error:
            reason = one_line(error)
            raise InputFileError(f"--style-info '{args.style_info}' cannot be used: {reason}") from error
    told = {about["name"]: about for about in before["styles"]} if before else {}
    return [Style(**told.get(name, {"name": name})) for name in names]


def starting_model(args: argparse.Namespace) -> str | None:
    """The model whose weights a run starts from; None: from nothing.

    What ships, unless another is asked for: a network that paints already learns a new style sooner. Raises
    ``UserError`` where styles alone are to be learnt, of no network.
    """
    if args.init == FROM_NOTHING:
        if args.quick:
            raise UserError("--quick trains what a style owns on the network of a model; give --init a model")
        return None
    is_like_it = args.network in (None, "fast") and args.width is None
    start: str | None = args.add_to or args.init
    return start or (DEFAULT_MODEL if args.quick or is_like_it else None)


def model_to_train(
    args: argparse.Namespace, styles: Sequence[Style], before: Mapping[str, Any] | None = None
) -> StyleModel:
    """A model of ``styles`` alone; network and known styles come from the model to start from, if any.

    Its ``training`` says what that was: ``init``, the name alone, as where it lies is of no use to others,
    and ``steps_before``. Of a run that is resumed, which ``before`` describes, the network is as it was if no
    flag says otherwise; what it has learnt is in the checkpoint.
    """
    if before and not (args.add_to or args.init or args.network or args.width):
        return StyleModel.create(before["network"], styles, **before["arguments"])
    width = {"width": args.width} if args.width is not None else {}
    start_from = starting_model(args)
    if not start_from:
        new = StyleModel.create(args.network or "fast", styles, **width)
        new.training = {"init": None, "steps_before": 0}
        return new
    model = load_model(start_from)
    asked = {"network": args.network, "width": args.width}
    given = {"network": model.network.plan.name, **model.network.plan.arguments}
    if any(value not in (None, given[name]) for name, value in asked.items()):
        raise UserError(
            f"'{start_from}' is a {given['network']} network of width {given['width']}; "
            "leave --network and --width to it"
        )
    # A style that the model knows goes on from where it is, a new one starts from the mean of all.
    known = model.bank.parameters_by_style
    rows = [model.style_names.index(s.name) if s.name in model.style_names else None for s in styles]
    start = StyleParameters(
        *(torch.stack([p[row] if row is not None else p.mean(0) for row in rows]).detach() for p in known)
    )
    # What the model tells of a style stays, unless --style-info tells something else; a part is of a file.
    told = [
        replace(model.styles[row], part="") if row is not None and style == Style(style.name) else style
        for style, row in zip(styles, rows, strict=True)
    ]
    steps = sum(int(model.training.get(name) or 0) for name in ("steps", "steps_before"))
    origin = {"init": readable(Path(start_from).stem), "steps_before": steps}
    return StyleModel(model.network, StyleBank(start), told, origin)


def model_to_join(args: argparse.Namespace, styles: Sequence[Style]) -> StyleModel:
    """The model of ``--add-to``.

    Raises ``UserError`` if it has a style of the same name, unless a resumed run has added that before.
    """
    base = load_model(args.add_to)
    twice = [style.name for style in styles if style.name in base.style_names]
    if twice and not (args.resume or args.overwrite):
        raise UserError(
            f"'{args.add_to}' has a style '{twice[0]}'; rename the painting's file, "
            "or --overwrite to train it further"
        )
    return base


def model_now(path: Path, base: StyleModel) -> StyleModel:
    """What the file ``path`` holds by now, to join instead of ``base``, which was read when training began.

    Raises ``UserError`` where that is another network, into which the new styles do not fit.
    """
    now = load_model(path)
    weights, trained = now.network.state_dict(), base.network.state_dict()
    if weights.keys() != trained.keys() or not all(
        torch.equal(weights[key], trained[key]) for key in weights
    ):
        raise UserError(
            f"'{path}' holds another network by now; --resume with another --output keeps what is trained"
        )
    return now


def joined(base: StyleModel, new: StyleModel, *, again: bool = False) -> StyleModel:
    """``base`` with the styles of ``new``, which has the same network: in their own places, or at the end.

    ``again``: what ``base`` tells last of the same styles is of the same run, up to where it was stopped.
    """
    names = list(dict.fromkeys([*base.style_names, *new.style_names]))
    sources = [new if name in new.style_names else base for name in names]
    rows = [source.style_names.index(name) for source, name in zip(sources, names, strict=True)]
    parameters = [
        [p[row].detach().cpu() for p in source.bank.parameters_by_style]
        for source, row in zip(sources, rows, strict=True)
    ]
    bank = StyleBank(StyleParameters(*map(torch.stack, zip(*parameters, strict=True))))
    styles = [source.styles[row] for source, row in zip(sources, rows, strict=True)]
    added = list(base.training.get("added", []))
    theirs = [number for number, run in enumerate(added) if run.get("styles") == new.style_names]
    if again and theirs:
        del added[theirs[-1]]
    added.append({"styles": new.style_names, **new.training})
    ranges = None
    if base.ranges and new.ranges and torch.equal(base.ranges.units, new.ranges.units):
        found = [(s.ranges, row) for s, row in zip(sources, rows, strict=True) if s.ranges is not None]
        centers, spans = (torch.stack([ranges[part][row] for ranges, row in found]) for part in (0, 1))
        ranges = Ranges(centers, spans, base.ranges.units)
    return StyleModel(base.network, bank, styles, {**base.training, "added": added}, ranges)
