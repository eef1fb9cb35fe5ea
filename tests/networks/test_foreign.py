"""State dictionaries of pytorch/examples' fast_neural_style, against a network written to its description."""

from __future__ import annotations

import random
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import photo_pixels, photo_tensor
from torch import Tensor, nn

from style_transfer.errors import ModelFileError
from style_transfer.networks.catalogue import load_model
from style_transfer.networks.foreign import read_state_dict
from style_transfer.networks.model_file import save_model


class Conv(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, upsample: int = 1) -> None:
        super().__init__()
        self.upsample = upsample
        self.reflection_pad = nn.ReflectionPad2d(kernel // 2)
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        if self.upsample > 1:
            x = F.interpolate(x, mode="nearest", scale_factor=self.upsample)
        return self.conv2d(self.reflection_pad(x))


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.in1 = Conv(channels, channels, 3), nn.InstanceNorm2d(channels, affine=True)
        self.conv2, self.in2 = Conv(channels, channels, 3), nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.in2(self.conv2(F.relu(self.in1(self.conv1(x))))) + x


class TransformerNet(nn.Module):
    def __init__(self, width: int = 32) -> None:
        super().__init__()
        a, b, c = width, 2 * width, 4 * width
        self.conv1, self.in1 = Conv(3, a, 9), nn.InstanceNorm2d(a, affine=True)
        self.conv2, self.in2 = Conv(a, b, 3, 2), nn.InstanceNorm2d(b, affine=True)
        self.conv3, self.in3 = Conv(b, c, 3, 2), nn.InstanceNorm2d(c, affine=True)
        for i in range(1, 6):
            setattr(self, f"res{i}", Block(c))
        self.deconv1, self.in4 = Conv(c, b, 3, upsample=2), nn.InstanceNorm2d(b, affine=True)
        self.deconv2, self.in5 = Conv(b, a, 3, upsample=2), nn.InstanceNorm2d(a, affine=True)
        self.deconv3 = Conv(a, 3, 9)

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in (("conv1", "in1"), ("conv2", "in2"), ("conv3", "in3")):
            x = F.relu(getattr(self, norm)(getattr(self, conv)(x)))
        for i in range(1, 6):
            x = getattr(self, f"res{i}")(x)
        for conv, norm in (("deconv1", "in4"), ("deconv2", "in5")):
            x = F.relu(getattr(self, norm)(getattr(self, conv)(x)))
        return self.deconv3(x)


def examples_network(width: int) -> TransformerNet:
    """With norms unlike their initial values, and an output that uses the whole range of pixels."""
    network = TransformerNet(width)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.InstanceNorm2d):
                module.weight.normal_(1, 0.3)
                module.bias.normal_(0, 0.3)
        network.deconv3.conv2d.weight *= 150
        network.deconv3.conv2d.bias += 128
    return network.eval()


@pytest.mark.parametrize(
    ("form", "width", "size"),
    [
        ("plain", 32, (48, 64)),
        ("plain", 8, (8, 8)),
        ("running statistics", 32, (64, 36)),
        ("module.", 8, (100, 68)),
        ("nested", 8, (100, 68)),
        ("half", 8, (100, 68)),
    ],
)
def test_paints_what_their_network_paints(
    form: str, width: int, size: tuple[int, int], tmp_path: Path
) -> None:
    network = examples_network(width)
    state = dict(network.state_dict())
    if form == "running statistics":
        for name in [n for n in state if ".in" in f".{n}" and n.endswith(".weight")]:
            for key in ("running_mean", "running_var"):
                state[name.replace("weight", key)] = torch.rand(state[name].shape)
    elif form == "half":
        state = {name: value.half() for name, value in state.items()}
        network.load_state_dict(state)
    saved = {f"module.{k}": v for k, v in state.items()} if form == "module." else state
    path = tmp_path / "mosaic.pth"
    torch.save({"state_dict": saved} if form == "nested" else saved, path)

    model = load_model(path)
    assert model.style_names == ["mosaic"]
    photo = photo_tensor(*size)
    with torch.inference_mode():
        theirs = network(photo * 255).clamp(0, 255)
        ours = model.network(photo, *model.mix({"mosaic": 1})) * 255
    assert theirs.std() > 20
    assert (ours - theirs).abs().max() < 1e-3 * 255


def test_can_be_saved_in_our_own_format(tmp_path: Path) -> None:
    torch.save(examples_network(4).state_dict(), tmp_path / "a, b:c.pth")
    model = load_model(tmp_path / "a, b:c.pth")
    assert model.style_names == ["a- b-c"]
    save_model(model, tmp_path / "own.safetensors", dtype=np.float32)
    again = load_model(tmp_path / "own.safetensors")
    photo = torch.from_numpy(photo_pixels(33, 47)).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        pictures = [m.network(photo, *m.mix({m.style_names[0]: 1})) for m in (model, again)]
    assert torch.equal(*pictures)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("res3.in1.bias"),
        lambda state: state.update({"deconv3.conv2d.weight": torch.ones(3, 4, 3, 3)}),
        lambda state: state.update({"conv1.conv2d.weight": torch.tensor(3.0)}),
        lambda state: state.update({"conv1.conv2d.weight": torch.ones(1).expand(10**6, 3, 9, 9)}),
        lambda state: state.update({"conv2.conv2d.weight": torch.ones(8, 4, 5, 5)}),
        lambda state: state.update({"in1.weight": torch.full((4,), torch.nan)}),
        lambda state: state.update({"in1.weight": torch.ones(5)}),
        lambda state: state.update({"epoch": 3}),
        dict.clear,
    ],
)
def test_another_network_is_refused_in_one_line(change, tmp_path: Path) -> None:
    state = dict(examples_network(4).state_dict())
    change(state)
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(ModelFileError, match=r"other\.pth") as caught:
        load_model(tmp_path / "other.pth")
    assert "\n" not in str(caught.value)


def test_what_another_network_lacks_is_named(tmp_path: Path) -> None:
    state = dict(examples_network(4).state_dict())
    del state["res3.in1.bias"]
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(ModelFileError, match=r"it lacks 'res3\.in1\.bias'"):
        load_model(tmp_path / "other.pth")


def test_damage_anywhere_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "m.pth"
    for legacy in (False, True):
        torch.save({"a": torch.ones(3)}, path, _use_new_zipfile_serialization=not legacy)
        whole, rng = path.read_bytes(), random.Random(1)
        for _ in range(150):
            damaged = bytearray(whole)
            for _ in range(rng.randint(1, 8)):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            path.write_bytes(damaged[: rng.choice([len(whole), rng.randrange(len(whole))])])
            with suppress(ModelFileError):  # and of no other kind; some damage goes unnoticed
                read_state_dict(path)


def test_a_small_file_that_claims_much_is_not_opened(tmp_path: Path) -> None:
    one = torch.ones(1, dtype=torch.float16)
    torch.save({"in2.weight": one.as_strided((3_000_000,), (0,))}, tmp_path / "stretched.pth")
    with pytest.raises(ModelFileError, match="holds less than it says"):
        read_state_dict(tmp_path / "stretched.pth")
    torch.save({"in2.weight": torch.zeros(100_000)}, tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for entry in plain.infolist():
            packed.writestr(entry.filename, plain.read(entry))
    with pytest.raises(ModelFileError, match="damaged or holds more than weights"):  # before it is unpacked
        read_state_dict(tmp_path / "packed.pth")
