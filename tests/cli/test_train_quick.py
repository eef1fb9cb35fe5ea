"""Training only what styles own: alone, and joining a model that keeps its other styles to the bit."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import make_model
from PIL import Image
from safetensors.torch import load_file

from style_transfer.cli import train_run
from style_transfer.cli.train import KEPT, STROKES, build_parser
from style_transfer.errors import TrainingError, UserError
from style_transfer.networks.catalogue import load_model
from style_transfer.networks.model_file import read_header, save_model
from style_transfer.training.checkpoint import load_checkpoint
from style_transfer.training.trainer import Trainer


def network_of(path: Path) -> dict[str, torch.Tensor]:
    return {name: value for name, value in load_file(path).items() if name.startswith("network.")}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_quick_trains_the_style_and_leaves_the_network(train: Any, gallery: Path, out: Path) -> None:
    assert train("--quick", init=gallery, width=None, steps=2) == 0
    result = out / "m.safetensors"
    assert same(network_of(result), network_of(gallery))
    start = load_model(gallery).bank.scales.mean(0)
    assert not torch.allclose(load_model(result).bank.scales[0], start, atol=1e-4)
    training = read_header(result)["training"]
    assert training["styles_only"] is True
    assert training["lr"] == 0.01
    assert training["init"] == gallery.stem


@pytest.mark.parametrize("in_place", [True, False])
def test_a_style_joins_and_the_others_stay_to_the_bit(
    train: Any, gallery: Path, tmp_path: Path, in_place: bool
) -> None:
    before, names = load_file(gallery), load_model(gallery).style_names
    output = gallery if in_place else tmp_path / "larger.safetensors"
    kept = {"output": None} if in_place else {"output": output}
    assert train(add_to=gallery, width=None, steps=2, **kept) == 0
    after = load_file(output)
    model = load_model(output)
    assert model.style_names == [*names, "wave"]
    for name, value in before.items():
        assert torch.equal(value, after[name][: len(names)] if name.startswith("styles.") else after[name])
    assert model.training["added"][0]["styles"] == ["wave"]
    assert model.training["added"][0]["steps"] == 2
    beside = {path.name for path in output.parent.glob(f"{output.stem}+wave.*")}
    assert beside >= {f"{output.stem}+wave.{end}" for end in ("checkpoint.pt", "preview.png", "losses.csv")}
    assert model.ranges is None  # the other styles have none
    if not in_place:
        assert same(load_file(gallery), before)


def test_numbers_that_halves_cannot_hold_stay_too(train: Any, gallery: Path) -> None:
    model = make_model(styles=2)
    with torch.no_grad():
        model.bank.scales += 1e-6
    save_model(model, gallery, dtype=np.float32)
    assert train(add_to=gallery, width=None, output=None, steps=1) == 0
    assert torch.equal(load_model(gallery).bank.scales[:2], model.bank.scales)


def test_until_it_is_done_the_model_that_is_joined_stays(
    train: Any, gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = gallery.read_bytes()

    def fail(*_: Any) -> None:
        raise TrainingError("the loss does not stay finite")

    monkeypatch.setattr(Trainer, "run", fail)
    assert train(add_to=gallery, width=None, output=None) == 1
    assert gallery.read_bytes() == before
    assert load_checkpoint(gallery.with_name("gallery+wave.checkpoint.pt"))["step"] == 0


def test_resume_trains_the_style_that_has_joined_further(train: Any, gallery: Path) -> None:
    flags = {"add_to": gallery, "width": None, "output": None}
    assert train(**flags, steps=2) == 0
    assert train("--resume", **flags, steps=4) == 0
    model = load_model(gallery)
    assert model.style_names[-1] == "wave"
    assert len(model.styles) == 3
    assert [added["steps"] for added in model.training["added"]] == [4]
    assert len(load_checkpoint(gallery.with_name("gallery+wave.checkpoint.pt"))["history"]) == 4


def test_resume_keeps_what_is_told_of_the_run_before_the_one_that_goes_on(train: Any, gallery: Path) -> None:
    flags = {"add_to": gallery, "width": None, "output": None}
    assert train(**flags, steps=1) == 0
    assert train("--overwrite", **flags, steps=2) == 0
    assert train("--resume", **flags, steps=4) == 0
    assert [added["steps"] for added in load_model(gallery).training["added"]] == [1, 4]


def test_a_style_that_joined_meanwhile_stays(
    train: Any, gallery: Path, paintings: list[Path], tmp_path: Path
) -> None:
    larger = tmp_path / "larger.safetensors"
    wave = {"add_to": gallery, "output": larger, "width": None}
    scream = {"add_to": larger, "output": None, "width": None, "style_image": paintings[1]}
    assert train(**wave, steps=2) == 0
    assert train(**scream, steps=2) == 0
    assert train("--resume", **wave, steps=4) == 0
    model = load_model(larger)
    assert model.style_names == [*load_model(gallery).style_names, "wave", "scream"]
    assert [(run["styles"], run["steps"]) for run in model.training["added"]] == [
        (["scream"], 2),
        (["wave"], 4),
    ]


def test_two_that_join_at_once_both_do(
    train: Any, gallery: Path, paintings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = {"add_to": gallery, "width": None, "output": None}
    run = Trainer.run

    def interrupted(self: Trainer, *words: Any) -> bool:
        monkeypatch.setattr(Trainer, "run", run)
        assert train(**flags, style_image=paintings[1], steps=2) == 0
        return run(self, *words)

    monkeypatch.setattr(Trainer, "run", interrupted)
    assert train(**flags, steps=2) == 0
    assert load_model(gallery).style_names[2:] == ["scream", "wave"]


def test_another_network_is_not_joined_unawares(
    train: Any, gallery: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Trainer.run

    def replaced(self: Trainer, *words: Any) -> bool:
        torch.manual_seed(5)
        save_model(make_model(styles=2), gallery)
        return run(self, *words)

    monkeypatch.setattr(Trainer, "run", replaced)
    assert train(add_to=gallery, width=None, output=None) == 2
    assert "holds another network by now; --resume with another --output" in capsys.readouterr().err
    assert len(load_model(gallery).styles) == 2
    assert gallery.with_name("gallery+wave.checkpoint.pt").exists()


def test_a_name_that_is_taken(train: Any, gallery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = {"add_to": gallery, "width": None, "output": None, "steps": 1}
    assert train(**flags) == 0
    capsys.readouterr()
    assert train(**flags) == 2
    assert "has a style 'wave'; rename" in capsys.readouterr().err
    before = load_file(gallery)["styles.scales"]
    assert train("--overwrite", **flags) == 0
    after = load_file(gallery)["styles.scales"]
    assert torch.equal(after[:2], before[:2])
    # It goes on from where it was: one step of Adam changes no number by more than the learning rate.
    assert 0 < float((after[2] - before[2]).abs().max()) < 0.02


def test_a_style_trained_further_keeps_its_place(train: Any, gallery: Path) -> None:
    names = load_model(gallery).style_names
    gallery.write_bytes(gallery.read_bytes().replace(names[0].encode(), b"wave".ljust(len(names[0]), b"_")))
    renamed = load_model(gallery).style_names[0]
    painting = gallery.with_name(f"{renamed}.png")
    Image.new("RGB", (80, 70), (90, 40, 160)).save(painting)
    before = load_file(gallery)["styles.scales"]
    flags = {"style_image": painting, "add_to": gallery, "width": None, "output": None, "steps": 1}
    assert train("--overwrite", **flags) == 0
    assert load_model(gallery).style_names == [renamed, names[1]]
    after = load_file(gallery)["styles.scales"]
    assert torch.equal(after[1], before[1])
    assert not torch.equal(after[0], before[0])


def test_a_shipped_model_is_never_written_to(train: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(add_to="gallery-fast", output=None, width=None) == 2
    assert "give --output" in capsys.readouterr().err


def test_no_output_at_all(train: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(output=None) == 2
    assert "give --output" in capsys.readouterr().err


def test_a_checkpoint_of_a_whole_run_is_no_quick_one(
    train: Any, gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(init=gallery, width=None, steps=1) == 0
    capsys.readouterr()
    assert train("--quick", "--resume", init=gallery, width=None, steps=2) == 2
    assert "--quick" in capsys.readouterr().err


def config(*words: str, device: str = "cpu", before: dict[str, Any] | None = None) -> Any:
    args = build_parser().parse_args(
        ["--style-image", "a.jpg", "--dataset", "d", "-o", "m.safetensors", *words]
    )
    return train_run._config(args, torch.device(device), before or {})


def test_painters_words() -> None:
    assert config().style_size == 512
    assert config().style_weight == 12
    assert config("--stroke", "fine").style_size == round(512 * STROKES["fine"]) < 512
    assert config("--stroke", "coarse").style_size == round(512 * STROKES["coarse"]) > 512
    assert config("--style-scale", "0.5").style_size == 256
    assert config("--style-size", "300").style_size == 300
    for scale in ("0", "-1", "nan", "inf"):
        with pytest.raises(UserError, match="--style-scale must be above 0"):
            config("--style-scale", scale)
    assert config("--keep-content", "high").style_weight == KEPT["high"] < 12
    assert config("--keep-content", "low").style_weight == KEPT["low"] > 12
    for clash in (
        ["--stroke", "fine", "--style-size", "9"],
        ["--keep-content", "low", "--style-weight", "9"],
    ):
        with pytest.raises(SystemExit):
            config(*clash)


def test_every_setting_has_its_flag() -> None:
    settings = {"batch_size": 3, "image_size": 128, "style_size": 256, "lr": 0.5, "content_weight": 2.0,
                "style_weight": 3.0, "tone_weight": 4.0, "tv_weight": 5.0, "temporal_weight": 6.0,
                "mix_share": 0.75, "seed": 7}  # fmt: skip
    words = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    assert asdict(config(*words)) == asdict(config()) | settings


def test_a_resumed_run_keeps_what_no_flag_changes() -> None:
    words = (
        "--keep-content low --stroke coarse --tone-weight 0 --lr 0.002 --image-size 192 --steps 70 --seed 5"
    )
    first = config(*words.split())
    assert config(before=asdict(first)) == first
    longer = config("--minutes", "9", "--stroke", "medium", "--lr", "0.001", before=asdict(first))
    assert longer == replace(first, steps=None, minutes=9, style_size=512, lr=0.001)
    quick = config("--quick", "--mix-share", "0.5")
    assert config("--quick", before=asdict(quick)) == config(before=asdict(quick)) == quick


def test_how_long_runs_are_by_default() -> None:
    assert (config().minutes, config().steps) == (30, None)
    assert (config("--quick").minutes, config("--quick").steps) == (5, None)
    assert (config(device="cuda").minutes, config(device="cuda").steps) == (None, 4000)
    assert config("--quick", device="cuda").minutes == pytest.approx(0.4)
    assert config("--quick", "--steps", "7").steps == 7


def test_steps_are_small_on_a_cpu() -> None:
    for words in ([], ["--quick"]):
        for device, sizes in (("cpu", (2, 192)), ("cuda", (4, 240)), ("mps", (4, 240))):
            settings = config(*words, device=device)
            assert (settings.batch_size, settings.image_size) == sizes
