"""Losses against plain float64 implementations of the papers' formulas with our normalisation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import photo_tensor, random_vgg
from safetensors.torch import save_file
from torch import Tensor

from style_transfer.losses.perceptual import (
    CONTENT_LAYERS,
    SCALES,
    STYLE_LAYERS,
    PerceptualLoss,
    content_loss,
    gram_matrix,
    style_loss,
    tone,
    tone_loss,
    total_variation,
)
from style_transfer.losses.vgg import LAYER_NAMES, VGG19Features

Array = np.ndarray


def plain_gram(features: Array) -> Array:
    """Johnson et al. 2016, equation 3, for one picture (C, H, W), without 1/C."""
    channels, height, width = features.shape
    gram = np.zeros((channels, channels))
    for a in range(channels):
        for b in range(channels):
            gram[a, b] = (features[a] * features[b]).sum() / (height * width)
    return gram


def plain_content(features: Array, target: Array) -> float:
    return float(((features - target) ** 2).sum() / (target**2).sum())


def plain_style(gram: Array, target: Array) -> float:
    return float(((gram - target) ** 2).sum() / (target**2).sum())


def plain_total_variation(image: Array) -> float:
    return float(np.abs(np.diff(image, axis=1)).mean() + np.abs(np.diff(image, axis=2)).mean())


def test_gram_matrix() -> None:
    x = torch.randn(2, 5, 7, 9)
    expected = np.stack([plain_gram(picture.double().numpy()) for picture in x])
    np.testing.assert_allclose(gram_matrix(x), expected, rtol=1e-5, atol=1e-6)


def test_gram_matrix_is_float32_under_autocast_and_of_halves() -> None:
    x = torch.rand(1, 4, 64, 64) * 300  # sums of squares beyond what float16 holds
    expected = plain_gram(x[0].double().numpy())
    with torch.autocast("cpu", torch.bfloat16):
        gram = gram_matrix(x)
    assert gram.dtype == torch.float32
    np.testing.assert_allclose(gram[0], expected, rtol=1e-5)
    half = x.half()
    gram = gram_matrix(half)
    assert gram.dtype == torch.float32
    np.testing.assert_allclose(gram[0], plain_gram(half[0].double().numpy()), rtol=1e-5)


def test_gram_matrix_of_bfloat16_is_rounded_once() -> None:
    x = (300 * torch.rand(1, 4, 64, 64)).bfloat16()  # sums that bfloat16 could not add up to
    with torch.autocast("cpu", torch.bfloat16):
        gram = gram_matrix(x)
    assert gram.dtype == torch.float32
    np.testing.assert_allclose(gram[0], plain_gram(x[0].double().numpy()), rtol=2**-8)


def test_gradient_of_the_gram_matrix() -> None:
    x = torch.randn(2, 5, 7, 9, requires_grad=True)
    weight = torch.randn(2, 5, 5)  # not symmetric
    (found,) = torch.autograd.grad((gram_matrix(x) * weight).sum(), x)
    products = torch.einsum("nahw,nbhw->nab", x, x) / (7 * 9)
    (expected,) = torch.autograd.grad((products * weight).sum(), x)
    torch.testing.assert_close(found, expected)


def test_content_and_style_loss() -> None:
    a, b = torch.randn(3, 4, 6, 8), torch.randn(3, 4, 6, 8)
    expected = [plain_content(*pair) for pair in zip(a.double().numpy(), b.double().numpy(), strict=True)]
    np.testing.assert_allclose(content_loss(a, b), expected, rtol=1e-5)
    grams = gram_matrix(a), gram_matrix(b)
    expected = [plain_style(*pair) for pair in zip(*(g.double().numpy() for g in grams), strict=True)]
    np.testing.assert_allclose(style_loss(*grams), expected, rtol=1e-5)


def test_total_variation() -> None:
    x = torch.rand(2, 3, 9, 11)
    expected = [plain_total_variation(picture) for picture in x.double().numpy()]
    np.testing.assert_allclose(total_variation(x), expected, rtol=1e-5)
    assert total_variation(torch.full((1, 3, 8, 8), 0.3)).item() == 0


def plain_tone(image: Array) -> Array:
    """Lightness of one picture (3, H, W) in squares of 8 pixels, of mean 0 and deviation 1."""
    luma = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]
    height, width = luma.shape
    cells = np.array(
        [[luma[y : y + 8, x : x + 8].mean() for x in range(0, width, 8)] for y in range(0, height, 8)]
    )
    centred = cells - cells.mean()
    return np.asarray(centred / np.sqrt((centred**2).mean() + 0.02**2))


def test_tone() -> None:
    x = torch.rand(2, 3, 40, 27)
    for found, picture in zip(tone(x), x.double().numpy(), strict=True):
        np.testing.assert_allclose(found[0], plain_tone(picture), atol=1e-4)


def test_tone_loss_is_one_less_the_correlation() -> None:
    a, b = torch.rand(3, 3, 256, 256), torch.rand(3, 3, 256, 256)
    a, b = (torch.nn.functional.interpolate(x[..., ::16, ::16], scale_factor=16.0) for x in (a, b))
    expected = [
        1 - np.corrcoef(plain_tone(p).ravel(), plain_tone(q).ravel())[0, 1]
        for p, q in zip(a.double().numpy(), b.double().numpy(), strict=True)
    ]
    np.testing.assert_allclose(tone_loss(tone(a), tone(b)), expected, atol=0.02)


def test_tone_knows_no_palette_but_light_from_dark() -> None:
    photo = photo_tensor(64, 64)
    photo[..., :20] *= 0.3
    green = torch.zeros_like(photo)
    green[:, 1:2] = 0.1 + 0.9 * photo.mean(1, keepdim=True)
    grey = photo.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    assert tone_loss(tone(green), tone(grey)).item() < 0.01
    assert tone_loss(tone(1 - photo), tone(photo)).item() > 1.9
    flat = torch.full((1, 3, 64, 64), 0.5)
    assert tone(flat).abs().max() < 1e-4


def test_a_black_target_divides_by_nothing_without_harm() -> None:
    zero = torch.zeros(1, 2, 4, 4)
    assert content_loss(zero, zero).item() == 0
    assert style_loss(gram_matrix(zero), gram_matrix(zero)).item() == 0


def plain_vgg(image: Tensor, state: dict[str, Tensor]) -> dict[str, Array]:
    """Activations of one picture (1, 3, H, W) in float64, layer by layer."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]).double(), torch.tensor([0.229, 0.224, 0.225]).double()
    x = (image.double() - mean[:, None, None]) / std[:, None, None]
    found = {}
    for index, name in enumerate(LAYER_NAMES[: LAYER_NAMES.index("relu3_4") + 1]):
        if name.startswith("conv"):
            weight, bias = (state[f"features.{index}.{part}"].double() for part in ("weight", "bias"))
            x = torch.nn.functional.conv2d(x, weight, bias, padding=1)
        elif name.startswith("relu"):
            x = x.clamp(min=0)
        else:
            x = (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4
        found[name] = x[0].numpy()
    return found


def shrink(image: Tensor, factor: int) -> Tensor:
    _, channels, height, width = image.shape
    return image.double().reshape(1, channels, height // factor, factor, width // factor, factor).mean((3, 5))


def vectorised_gram(features: Array) -> Array:
    flat = features.reshape(len(features), -1)
    return flat @ flat.T / flat.shape[1]


def test_the_whole_objective(vgg_file) -> None:
    state = random_vgg("relu3_4")
    layers = [*STYLE_LAYERS, *CONTENT_LAYERS]
    paintings = [photo_tensor(64, 96, 7), photo_tensor(80, 64, 8)]
    photos, outputs = ([photo_tensor(64, 64, seed + i) for i in range(2)] for seed in (0, 20))
    style = [1, 0]
    loss = PerceptualLoss(VGG19Features(layers, vgg_file), paintings)
    found = loss(torch.cat(outputs), loss.content_targets(torch.cat(photos)), torch.eye(2)[style])

    content, gram, light, variation = [], [], [], []
    for photo, output, index in zip(photos, outputs, style, strict=True):
        target = plain_vgg(photo, state)
        for layer in CONTENT_LAYERS:
            content.append(plain_content(plain_vgg(output, state)[layer], target[layer]))
        for scale in SCALES:
            ours, theirs = (plain_vgg(shrink(x, scale), state) for x in (output, paintings[index]))
            for layer in STYLE_LAYERS:
                gram.append(plain_style(vectorised_gram(ours[layer]), vectorised_gram(theirs[layer])))
        ours, theirs = (plain_tone(x[0].double().numpy()) for x in (output, photo))
        light.append(((ours - theirs) ** 2).mean() / 2)
        variation.append(plain_total_variation(output[0].double().numpy()))
    for name, values in (("content", content), ("style", gram), ("tone", light), ("tv", variation)):
        assert found[name].shape == ()
        assert found[name].item() == pytest.approx(np.mean(values), rel=1e-4), name


def test_a_mix_is_led_by_the_mean_of_its_styles_gram_matrices(vgg_file) -> None:
    state, layer = random_vgg("relu3_4"), "relu1_1"
    paintings = [photo_tensor(64, 96, 7), 0.3 * photo_tensor(80, 64, 8), photo_tensor(64, 64, 9)]
    loss = PerceptualLoss(
        VGG19Features([layer], vgg_file), paintings, content_layers=[layer], style_layers=[layer], scales=[1]
    )
    output = photo_tensor(64, 64, 20)
    first, second, _ = (vectorised_gram(plain_vgg(painting, state)[layer]) for painting in paintings)
    expected = plain_style(vectorised_gram(plain_vgg(output, state)[layer]), 0.7 * first + 0.3 * second)
    for autocast in (False, True):  # whose bfloat16 must not round the targets
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            target = loss._target(0, torch.tensor([[0.7, 0.3, 0.0]]))
        assert target[0].numpy() == pytest.approx(0.7 * first + 0.3 * second, rel=1e-3)
    found = loss(output, loss.content_targets(output), torch.tensor([[0.7, 0.3, 0.0]]))
    assert found["style"].item() == pytest.approx(expected, rel=1e-4)


def test_the_scale_of_the_activations_changes_no_loss(tmp_path) -> None:
    """ReLU is homogeneous: the first weights and all biases divided by 100 divide all activations."""
    state = random_vgg("relu3_4")
    scaled = {name: value.clone() for name, value in state.items()}
    scaled["features.0.weight"] /= 100
    for name in scaled:
        if name.endswith("bias"):
            scaled[name] /= 100
    losses, sizes = [], []
    for number, weights in enumerate((state, scaled)):
        path = tmp_path / f"{number}.safetensors"
        save_file(weights, path)
        vgg = VGG19Features([*STYLE_LAYERS, *CONTENT_LAYERS], path)
        loss = PerceptualLoss(vgg, [photo_tensor(64, 64, 7)])
        photo, output = photo_tensor(64, 64), photo_tensor(64, 64, 3)
        losses.append(loss(output, loss.content_targets(photo), torch.ones(1, 1)))
        sizes.append(vgg(photo)["relu3_2"].abs().mean().item())
    assert sizes[0] == pytest.approx(100 * sizes[1], rel=1e-3)
    for name, value in losses[0].items():
        assert losses[1][name].item() == pytest.approx(value.item(), rel=1e-4), name


def test_losses_vanish_at_their_targets_and_have_gradients(vgg_file) -> None:
    painting = photo_tensor(64, 64, 7)
    loss = PerceptualLoss(VGG19Features([*STYLE_LAYERS, *CONTENT_LAYERS], vgg_file), [painting])
    same = loss(painting, loss.content_targets(painting), torch.ones(1, 1))
    assert same["content"].item() == 0
    assert same["style"].item() < 1e-10
    output = photo_tensor(64, 64).requires_grad_()
    loss(output, loss.content_targets(painting), torch.ones(1, 1))["style"].backward()
    assert output.grad is not None
    assert output.grad.abs().max() > 0
    assert not any(parameter.requires_grad for parameter in loss.parameters())
