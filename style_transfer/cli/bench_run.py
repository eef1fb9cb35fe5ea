"""What ``bench`` does: cases chosen, each measured in turn, and told in a table."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tqdm import tqdm

from style_transfer.cli.common import parse_resolution
from style_transfer.errors import InputFileError, UserError
from style_transfer.evaluation.speed import Case, Speed, cases, machine, measure
from style_transfer.files import check_writable, write_json
from style_transfer.media.image import read_image
from style_transfer.networks.catalogue import find_model, list_models
from style_transfer.networks.plan import PLANS
from style_transfer.runtime.device import choose_device

_WORDS = ("model", "size", "engine", "precision", "statistics")  # to the left of their columns
_FIGURES = ("fps", "median", "p95", "memory", "mean", "99.9%")
_PARTS = ("upload", "network", "download")  # of a frame on a GPU


def run(args: argparse.Namespace) -> int:
    """Measure as asked; 0 when at least one row could be measured."""
    models, resolutions, photo, device = _check(args)
    earlier = _earlier(Path(args.compare)) if args.compare else {}
    engines = args.engine or (["torch", "openvino"] if device == "cpu" else ["torch"])
    todo = list(cases(models, resolutions, device, engines=engines))
    about = machine(device)
    print(", ".join(f"{name} {_plain(value)}" for name, value in about.items()))
    print("times in ms a frame, memory in MiB, differences from PyTorch in float32, of 255")
    if device.startswith("cuda"):
        print("upload, network, download: each by itself, by the GPU's clock")
    rows: list[Speed] = []
    try:
        for case in tqdm(todo, unit="row", disable=None, leave=False):
            rows.append(measure(case, photo, 1.0 if args.quick else args.seconds))
    finally:  # also what was measured before a Ctrl-C
        if rows:
            print(_table(rows, earlier))
        if rows and args.json:
            report = {"machine": about, "rows": [asdict(row) for row in rows]}
            write_json(Path(args.json), report)
    return 1 if all(row.reason for row in rows) else 0


def _check(args: argparse.Namespace) -> tuple[list[str], list[tuple[int, int]], Path | None, str]:
    models = args.model or list_models()
    for name in models:
        if name not in PLANS and find_model(name).suffix.lower() == ".onnx":
            raise UserError(f"'{name}' runs in ONNX Runtime alone; bench compares engines, give it the model")
    resolutions = [
        parse_resolution(text)
        for text in args.resolution or ["640x480", "1280x720"][: 1 if args.quick else 2]
    ]
    if not args.seconds > 0:
        raise UserError(f"--seconds must be above 0, not {args.seconds:g}")
    photo = Path(args.photo).resolve() if args.photo else None
    if photo:
        read_image(photo)  # or every row would fail at it
    if args.json:
        check_writable(Path(args.json))
    return models, resolutions, photo, str(choose_device(args.device))


def _earlier(path: Path) -> dict[Case, float]:
    """Frames a second of the rows that an earlier run could measure."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        return {Case(**row["case"]): float(row["fps"]) for row in rows if not row["reason"]}
    except OSError as error:
        raise InputFileError(f"cannot read '{path}': {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputFileError(f"'{path}' is nothing that --json has written") from error


def _table(rows: Sequence[Speed], earlier: Mapping[Case, float]) -> str:
    parts = _PARTS if any(row.network_ms for row in rows) else ()
    lines = [[*_WORDS, *_FIGURES, *parts, *(["against before"] if earlier else [])]]
    for row in rows:
        case = row.case
        words = [case.model, f"{case.width}x{case.height}", case.engine, case.precision, case.statistics]
        if row.reason:
            lines.append([*words, f"not here: {row.reason}"])
            continue
        words += [f"{row.fps:.1f}", f"{row.median_ms:.1f}", f"{row.p95_ms:.1f}"]
        memory = f"{row.peak_mb:.0f}" + (f"+{row.gpu_peak_mb:.0f} GPU" if row.gpu_peak_mb else "")
        words += [memory, f"{row.mean_difference:.2f}", f"{row.tail_difference:.1f}"]
        words += [f"{getattr(row, f'{part}_ms'):.2f}" for part in parts]
        if earlier:
            words.append(f"x{row.fps / earlier[case]:.2f}" if case in earlier else "new")
        lines.append(words)
    # Not by reasons, which may be longer than their column.
    fixed = (line if len(line) == len(lines[0]) else line[: len(_WORDS)] for line in lines)
    widths = [max(map(len, column)) for column in zip_longest(*fixed, fillvalue="")]
    return "\n".join(_justified(line, widths) for line in lines)


def _justified(words: Iterable[str], widths: Sequence[int]) -> str:
    texts = (
        word.ljust(width) if n < len(_WORDS) else word.rjust(width)
        for n, (word, width) in enumerate(zip(words, widths, strict=False))
    )
    return "  ".join(texts).rstrip()


def _plain(value: Any) -> str:
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)
