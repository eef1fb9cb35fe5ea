"""What mixes of two styles, half and half, keep of the light and shade and of the colour of both alone.

Light and shade is the deviation of CIE L*, colour the mean chroma; a mix keeps all of them where it has the
mean of what its two styles have. Interpolated numbers promise nothing: two styles may paint a shadow in
opposite ways.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

import cv2
import numpy as np
from machine import SAMPLES, describe

from style_transfer.cli.common import add_common_flags, add_engine_flags, guarded, stylizer_of
from style_transfer.media.image import read_image, resize_long_side

SIDE = 320  # pixels


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", default="gallery-fast", help="a model that ships, or a file (gallery-fast)"
    )
    parser.add_argument("--photos", type=Path, nargs="+", help="(the samples)")
    parser.add_argument("--worst", type=int, default=5, help="pairs that are named (5)")
    add_common_flags(parser)
    add_engine_flags(parser)
    return guarded(mixes, parser.parse_args())


def mixes(args: argparse.Namespace) -> int:
    stylizer = stylizer_of(args, args.model)
    paths = args.photos or sorted(SAMPLES.glob("*.jpg"))
    photos = [resize_long_side(read_image(path), SIDE).frames[0] for path in paths]

    def light_and_colour(mix: dict[str, float]) -> np.ndarray:
        look = stylizer.make_look(mix)
        return np.mean([measured(stylizer(photo, look)) for photo in photos], axis=0)

    names = stylizer.model.style_names
    alone = {name: light_and_colour({name: 1.0}) for name in names}
    pairs = list(itertools.combinations(names, 2))
    kept = np.array([light_and_colour({a: 0.5, b: 0.5}) / ((alone[a] + alone[b]) / 2) for a, b in pairs])
    print(describe("torch", "openvino"))
    print(f"{args.model}: {len(pairs)} mixes of two styles, half and half, {len(photos)} photos")
    for what, share, part in (("light and shade", 0.8, kept[:, 0]), ("colour", 0.6, kept[:, 1])):
        few = int((part < share).sum())
        print(
            f"{what}: median {np.median(part):.2f} of both alone, least {part.min():.2f}, {few} below {share}"
        )
        for index in np.argsort(part)[: args.worst]:
            print(f"  {part[index]:.2f} {' with '.join(pairs[index])}")
    return 0


def measured(painting: np.ndarray) -> tuple[float, float]:
    """The deviation of L* and the mean chroma of ``uint8`` ``(H, W, 3)`` RGB."""
    lightness, green_red, blue_yellow = cv2.split(
        cv2.cvtColor(painting.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    )
    return float(lightness.std()), float(np.hypot(green_red, blue_yellow).mean())


if __name__ == "__main__":
    sys.exit(main())
