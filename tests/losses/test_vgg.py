"""The loss network: torchvision's layers by name, from any file in its layout."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from helpers import photo_tensor, random_vgg
from safetensors.torch import save_file
from torch import nn

from style_transfer.errors import InputFileError, UserError
from style_transfer.losses.vgg import LAYER_NAMES, VGG19Features


def test_layers_have_the_names_of_the_field() -> None:
    assert len(LAYER_NAMES) == 37
    for name, index in {"conv1_1": 0, "relu1_2": 3, "pool1": 4, "relu2_2": 8, "relu3_1": 11, "relu3_4": 17,
                        "relu4_2": 22, "relu5_4": 35, "pool5": 36}.items():  # fmt: skip
        assert LAYER_NAMES[index] == name


def test_ends_at_the_deepest_layer_asked_for(vgg_file: Path) -> None:
    vgg = VGG19Features(["relu2_1", "relu1_1", "relu2_1"], vgg_file)
    assert len(vgg.net) == LAYER_NAMES.index("relu2_1") + 1
    found = vgg(photo_tensor(33, 48))
    assert {name: tuple(x.shape) for name, x in found.items()} == {
        "relu1_1": (1, 64, 33, 48),
        "relu2_1": (1, 128, 16, 24),
    }
    assert not any(parameter.requires_grad for parameter in vgg.parameters())


def test_computes_no_layer_beyond_those_wanted(vgg_file: Path) -> None:
    vgg, photo = VGG19Features(["relu2_1", "relu1_1"], vgg_file), photo_tensor(33, 48)
    whole, ran = vgg(photo), []
    for module in vgg.net:
        module.register_forward_hook(lambda *_: ran.append(1))
    found = vgg(photo, ["relu1_1"])
    assert len(ran) == LAYER_NAMES.index("relu1_1") + 1
    assert list(found) == ["relu1_1"]
    assert torch.equal(found["relu1_1"], whole["relu1_1"])


def test_agrees_with_torchvision(tmp_path: Path) -> None:
    compare_with_torchvision(random_vgg("relu3_4"), tmp_path)


def test_agrees_with_torchvision_on_the_real_weights(real_vgg: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    state = (
        load_file(real_vgg) if real_vgg.suffix == ".safetensors" else torch.load(real_vgg, weights_only=True)
    )
    compare_with_torchvision({name: value.float() for name, value in state.items()}, tmp_path)


def compare_with_torchvision(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    from torchvision.models import vgg19

    with torch.device("meta"):  # most of it is not needed
        features = vgg19().features[:18]
    wanted = {name: state[f"features.{name}"] for name in features.state_dict()}
    features.load_state_dict(wanted, assign=True)
    for index, module in enumerate(features):
        if isinstance(module, nn.MaxPool2d):
            features[index] = nn.AvgPool2d(2)
    path = tmp_path / "vgg.pth"
    torch.save({f"features.{name}": value for name, value in wanted.items()}, path)
    ours = VGG19Features(["conv1_1", "relu1_2", "relu2_2", "relu3_4"], path)
    photo = photo_tensor(50, 66)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (photo - mean[:, None, None]) / std[:, None, None]
    expected = {}
    with torch.inference_mode():
        for name, module in zip(LAYER_NAMES, features, strict=False):
            x = module(x.clone())  # theirs works in place
            expected[name] = x.clone()
        for name, found in ours(photo).items():
            torch.testing.assert_close(
                found, expected[name], rtol=1e-4, atol=1e-4 * expected[name].max().item()
            )


def test_unknown_layer(vgg_file: Path) -> None:
    with pytest.raises(UserError, match=r"'relu3_5'.*relu1_1 to relu5_4"):
        VGG19Features(["relu1_1", "relu3_5"], vgg_file)


def refused(layers: list[str], path: Path, match: str) -> None:
    with pytest.raises(InputFileError, match=match) as caught:
        VGG19Features(layers, path)
    assert "\n" not in str(caught.value)


def test_a_file_that_ends_early(vgg_file: Path) -> None:
    VGG19Features(["relu3_4"], vgg_file)
    # The error names the deepest layer, not the last in the list.
    refused(["relu4_1", "relu1_1"], vgg_file, r"no 'features\.19\.weight'.*up to relu4_1.*--vgg-weights")


def test_files_that_are_none(tmp_path: Path) -> None:
    refused(["relu1_1"], tmp_path / "none.pth", r"no VGG19 weights file.*none\.pth.*--vgg-weights")
    (tmp_path / "text.pth").write_text("hello")
    refused(["relu1_1"], tmp_path / "text.pth", r"text\.pth.*--vgg-weights")
    (tmp_path / "text.safetensors").write_text("hello")
    refused(["relu1_1"], tmp_path / "text.safetensors", r"text\.safetensors.*--vgg-weights")


def test_weights_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"layer1.weight": torch.ones(3)}, path)
    refused(["relu1_1"], path, r"no 'features\.0\.weight'")
    save_file({**random_vgg("relu1_1"), "features.0.weight": torch.ones(64, 1, 3, 3)}, path)
    refused(["relu1_1"], path, r"a \(64, 1, 3, 3\) 'features\.0\.weight'")
    save_file({**random_vgg("relu1_1"), "features.0.bias": torch.full((64,), torch.nan)}, path)
    refused(["relu1_1"], path, "not finite")


@pytest.mark.parametrize(
    "error",
    [
        OSError("Network is\nunreachable"),
        RuntimeError('invalid hash value (expected "dcbb9e9d")'),
        EOFError(),
    ],
)
def test_no_network_and_no_file(error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def download(url: str, **options: object) -> None:
        asked.update(options, url=url)
        raise error

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputFileError, match=r"vgg19-dcbb9e9d\.pth.*--vgg-weights") as caught:
        VGG19Features(["relu1_1"])
    assert str(tmp_path / "hub" / "checkpoints") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert asked["check_hash"] is True
    assert asked["weights_only"] is True


def test_a_torchvision_of_another_build_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(InputFileError, match="torchvision does not go with PyTorch"):
        VGG19Features(["relu1_1"])


def test_downloaded_weights_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    state = random_vgg("relu1_1")
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: state)
    assert torch.equal(VGG19Features(["relu1_1"]).net[0].weight, state["features.0.weight"])
