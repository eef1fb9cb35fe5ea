"""This project's training recipe against the paper's: the same network, photos and steps, both objectives.

``python benchmarks/paper_recipe.py --style-images paintings/ --photos photos/ --output out/`` trains the
``fast`` network twice, prints what both reach on held-out photos, and writes a contact sheet.

The paper's (Johnson et al. 2016, as in its authors' code): content of relu3_3, 1; Gram matrices of relu1_2 to
relu3_4 over C·H·W, 5; mean squared differences; one scale, no tone, no temporal loss. Of VGG19, where they
took VGG16, and without relu4_3 in its place. Their weights suit the activations of Simonyan and Zisserman's
own network; those of other files are scaled to them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from machine import describe
from torch import Tensor, nn
from tqdm import tqdm

from style_transfer import Stylizer
from style_transfer.cli.common import guarded, say
from style_transfer.evaluation.paintings import find_paintings
from style_transfer.losses.perceptual import PerceptualLoss, gram_matrix
from style_transfer.losses.vgg import VGG19Features
from style_transfer.media.image import Picture, read_image
from style_transfer.media.image_writer import write_image
from style_transfer.media.sheet import contact_sheet, read_some, square
from style_transfer.networks.model_file import save_model
from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Style
from style_transfer.runtime.device import Device, choose_device, choose_precision
from style_transfer.runtime.tensors import to_tensor
from style_transfer.training.config import TrainingConfig
from style_transfer.training.dataset import find_photos, load_style_image
from style_transfer.training.trainer import Trainer

STYLES = ("great_wave", "starry_night", "the_scream", "composition_vii", "la_grande_jatte", "udnie")
CONTENT_LAYER, STYLE_LAYERS = "relu3_3", ("relu1_2", "relu2_2", "relu3_2", "relu3_4")
SIDE = 256  # of the photos measured on, pixels
ACTIVATION = 180.0  # root mean square of relu1_2 in Simonyan and Zisserman's network, on photos and paintings


class PaperLoss(nn.Module):
    """As :class:`PerceptualLoss`, after the paper."""

    def __init__(self, vgg: VGG19Features, paintings: Sequence[Tensor]) -> None:
        super().__init__()
        self.vgg = vgg
        with torch.no_grad():
            squares = [vgg(painting)["relu1_2"].square().mean() for painting in paintings]
            self.scale = ACTIVATION / float(torch.stack(squares).mean().sqrt())
            grams = [self._grams(vgg(painting)) for painting in paintings]
        for number, matrices in enumerate(zip(*grams, strict=True)):
            self.register_buffer(f"target{number}", torch.cat(matrices), persistent=False)

    def content_targets(self, photos: Tensor) -> list[Tensor]:
        with torch.no_grad():
            return [self.vgg(photos)[CONTENT_LAYER]]

    def forward(self, output: Tensor, content: Sequence[Tensor], mixes: Tensor) -> dict[str, Tensor]:
        found = self.vgg(output)
        difference = self.scale * (found[CONTENT_LAYER].float() - content[0].float())
        styles = [
            (gram - getattr(self, f"target{number}")[mixes.argmax(1)]).square().mean((1, 2))
            for number, gram in enumerate(self._grams(found))
        ]
        return {"content": difference.square().mean(), "style": torch.stack(styles).sum(0).mean()}

    def _grams(self, found: dict[str, Tensor]) -> list[Tensor]:
        return [self.scale**2 * gram_matrix(found[name]) / found[name].shape[1] for name in STYLE_LAYERS]


def main() -> int:
    parser = argparse.ArgumentParser(description="This project's recipe against the paper's.")
    parser.add_argument("--style-images", type=Path, required=True, help="folder of the paintings")
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos")
    parser.add_argument("--output", type=Path, required=True, help="folder for models and pictures")
    parser.add_argument("--steps", type=int, default=2000, help="of each training (2000)")
    parser.add_argument("--image-size", type=int, default=128, help="side of the crops (128)")
    parser.add_argument("--count", type=int, default=16, help="photos to measure on (16)")
    parser.add_argument("--vgg-weights", type=Path, metavar="FILE", help="VGG19 (downloaded)")
    parser.add_argument("--device", default="auto", help="(auto)")
    parser.add_argument("--debug", action="store_true")
    return guarded(compare, parser.parse_args())


def compare(args: argparse.Namespace) -> int:
    print(describe("torch"), flush=True)
    device = choose_device(args.device).for_torch()
    paintings = find_paintings([args.style_images], STYLES)
    vgg = VGG19Features([*STYLE_LAYERS, CONTENT_LAYER], args.vgg_weights).to(device)
    common = {"steps": args.steps, "image_size": args.image_size}
    ours = TrainingConfig(**common)
    paper = TrainingConfig(
        **common, style_weight=5.0, tone_weight=0.0, tv_weight=0.0, temporal_weight=0.0, mix_share=0.0
    )
    images = [load_style_image(path, ours.style_size).to(device) for path in paintings.values()]
    recipes = {"ours": (PerceptualLoss(vgg, images), ours), "paper": (PaperLoss(vgg, images), paper)}
    models = {name: train(args, device, name, *recipe) for name, recipe in recipes.items()}

    photos = [square(pixels, SIDE) for _, pixels in read_some(find_photos(args.photos)[1], args.count)]
    painted = {
        name: {style: [stylize(photo, stylize.make_look(style)) for photo in photos] for style in STYLES}
        for name, stylize in ((name, Stylizer(str(path), precision="fp32")) for name, path in models.items())
    }
    print(f"{'trained by':12}" + "".join(f"{f'under {name}':>14}" for name in recipes))
    for name in recipes:
        totals = [total(*recipe, photos, painted[name], device) for recipe in recipes.values()]
        print(f"{name:12}" + "".join(f"{value:14.4g}" for value in totals))
    rows = [[None, *photos[:4]]]
    rows += [
        [read_image(paintings[style]).frames[0], *painted[name][style][:4]]
        for style in STYLES
        for name in recipes
    ]
    labels = ["photo", *(f"{style}, {name}" for style in STYLES for name in recipes)]
    sheet = args.output / "paper_recipe.png"
    write_image(Picture([contact_sheet(rows, [""] * len(rows[0]), labels)]), sheet)
    print(sheet)
    return 0


def train(
    args: argparse.Namespace, device: torch.device, name: str, loss: nn.Module, config: TrainingConfig
) -> Path:
    """The model file; one that is there already is taken as it is."""
    path: Path = args.output / f"{name}.safetensors"
    if path.exists():
        say(f"'{path}' is there and taken as it is")
        return path
    args.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = StyleModel.create("fast", [Style(style) for style in STYLES])
    precision = getattr(torch, choose_precision("auto", Device.of(device)))
    photos, _ = find_photos(args.photos)
    trainer = Trainer(model, loss, photos, config, device=device, precision=precision)  # type: ignore[arg-type]
    with tqdm(total=config.steps, desc=name, disable=None) as bar:
        trainer.run(lambda progress: bar.update(progress.step - bar.n))
    save_model(model, path)
    return path


@torch.inference_mode()
def total(
    loss: nn.Module, config: TrainingConfig, photos: Sequence, painted: dict[str, list], device: torch.device
) -> float:
    """The weighted sum of an objective's losses, mean over styles and photos."""
    totals = []
    alone = torch.eye(len(STYLES), device=device)
    for number, style in enumerate(STYLES):
        for photo, painting in zip(photos, painted[style], strict=True):
            content = loss.content_targets(to_tensor(photo).to(device))  # type: ignore[operator]
            found = loss(to_tensor(painting).to(device), content, alone[number : number + 1])
            totals.append(
                sum(getattr(config, f"{name}_weight") * float(value) for name, value in found.items())
            )
    return statistics.fmean(totals)


if __name__ == "__main__":
    sys.exit(main())
