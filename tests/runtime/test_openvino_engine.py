"""OpenVINO must paint what PyTorch paints: sizes, looks, statistics, networks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from style_transfer.networks.catalogue import load_model
from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Style
from style_transfer.runtime.look import Look
from style_transfer.runtime.torch_engine import TorchEngine

pytest.importorskip("openvino", reason="openvino is not installed")
from style_transfer.runtime.openvino_engine import OpenVinoEngine

CPU = torch.device("cpu")
MIXES = ({"a": 1.0}, {"a": 0.3, "b": 0.7}, {"b": 1.0})
NETWORKS = {
    "fast": ("fast", {"width": 8, "blocks": 2}),
    "fast with another epsilon": ("fast", {"width": 5, "blocks": 1, "epsilon": 0.05}),
    "johnson": ("johnson", {"width": 4}),
    "johnson with a linear output": ("johnson", {"width": 6, "output": "clamp", "epsilon": 0.01}),
}


class Pair:
    """One model, both engines, and statistics of a picture that has some."""

    def __init__(self, network: str, arguments: dict[str, object]) -> None:
        torch.manual_seed(7)
        self.model = StyleModel.create(network, [Style("a"), Style("b")], **arguments)
        with torch.no_grad():
            self.model.bank.scales.normal_(1, 0.3)
            self.model.bank.shifts.normal_(0, 0.3)
            # A wide range of colours, or a wrong output layer would hide in the middle grey.
            self.model.bank.output_weight.mul_(2)
            self.model.bank.output_bias.normal_(0.3, 0.3)
        self.torch = TorchEngine(self.model.network, CPU, torch.float32)
        self.stored = self.model.stored()
        self.openvino = OpenVinoEngine(self.stored.network, threads=1)
        self.reference = picture(90, 75, seed=1)

    def look(self, mix: dict[str, float], *, frozen: bool) -> Look:
        look = Look(self.stored.mix(mix))
        return look.frozen(self.torch.measure(self.reference, look)) if frozen else look


def picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=NETWORKS)
def pair(request: pytest.FixtureRequest) -> Pair:
    return Pair(*NETWORKS[request.param])


@pytest.fixture(scope="module")
def fast() -> Pair:
    return Pair(*NETWORKS["fast"])


def assert_alike(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> None:
    assert ours.shape == theirs.shape
    assert ours.dtype == np.uint8
    difference = np.abs(ours.astype(int) - theirs)
    assert difference.max() <= 1
    assert difference.mean() < 0.02


@pytest.mark.parametrize("frozen", [False, True], ids=["live", "frozen"])
@pytest.mark.parametrize("size", [(1, 1), (1, 70), (37, 1), (2, 3), (17, 16), (64, 40), (61, 83)])
def test_it_paints_what_torch_paints(pair: Pair, size: tuple[int, int], frozen: bool) -> None:
    frame = picture(*size)
    look = pair.look(MIXES[1], frozen=frozen)
    expected = pair.torch.paint(frame, look)
    # First the graph for any size, then, the size having come twice, the one for this size, new and kept.
    for _ in range(3):
        assert_alike(pair.openvino.paint(frame, look), expected)


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_a_picture_of_one_colour_is_painted_in_one(precision: Literal["f32", "bf16"]) -> None:
    model = load_model("gallery-fast")
    stored = model.stored()
    engine = OpenVinoEngine(stored.network, precision)
    look = Look(stored.mix({"great_wave": 1.0}))
    expected = TorchEngine(model.network, CPU, torch.float32).paint(np.zeros((48, 64, 3), np.uint8), look)
    for level in (0, 90, 255):
        painted = engine.paint(np.full((48, 64, 3), level, np.uint8), look).astype(int)
        assert np.abs(painted - expected).max() <= 2


def test_the_epsilon_of_foreign_weights() -> None:
    # A flat frame would show nothing but rounding, which so small an epsilon amplifies in every engine.
    pair = Pair("johnson", {"width": 4, "epsilon": 1e-5, "output": "clamp"})
    for frozen in (False, True):
        look = pair.look(MIXES[1], frozen=frozen)
        assert_alike(pair.openvino.paint(pair.reference, look), pair.torch.paint(pair.reference, look))


@settings(max_examples=40)
@given(height=st.integers(1, 70), width=st.integers(1, 70), frozen=st.booleans(), mix=st.sampled_from(MIXES))
def test_every_size_and_look_in_turn(
    fast: Pair, height: int, width: int, frozen: bool, mix: dict[str, float]
) -> None:
    frame = picture(height, width)
    look = fast.look(mix, frozen=frozen)
    assert_alike(fast.openvino.paint(frame, look), fast.torch.paint(frame, look))


def test_the_test_pictures_have_colours(pair: Pair) -> None:
    painted = pair.torch.paint(pair.reference, pair.look(MIXES[0], frozen=False))
    assert painted.std(axis=(0, 1)).min() > 10


def test_measure_gives_torch_statistics(pair: Pair) -> None:
    for mix, size in zip(MIXES, [(33, 47), (90, 75), (8, 9)], strict=True):
        frame, look = picture(*size), pair.look(mix, frozen=False)
        ours, theirs = pair.openvino.measure(frame, look), pair.torch.measure(frame, look)
        assert ours.means.shape == (1, sum(pair.model.network.plan.norm_channels))
        assert ours.means.dtype == ours.variances.dtype == np.float32
        np.testing.assert_allclose(ours.variances, theirs.variances, rtol=1e-4, atol=1e-7)
        # A mean near zero is exact to the deviation around it.
        error, scale = np.abs(ours.means - theirs.means), np.abs(theirs.means) + np.sqrt(theirs.variances)
        assert (error <= 1e-4 * scale).all()


def test_measure_ignores_frozen_statistics_and_its_result_stays(fast: Pair) -> None:
    look, frozen = fast.look(MIXES[0], frozen=False), fast.look(MIXES[0], frozen=True)
    first = fast.openvino.measure(picture(20, 30), frozen)
    kept = first.means.copy()
    assert np.array_equal(first.means, fast.openvino.measure(picture(20, 30), look).means)
    fast.openvino.measure(picture(20, 30, seed=5), look)
    assert np.array_equal(first.means, kept)


def test_frozen_on_its_own_frame_is_live(fast: Pair) -> None:
    frame, look = picture(48, 48), fast.look(MIXES[1], frozen=False)
    frozen = look.frozen(fast.openvino.measure(frame, look))
    assert_alike(fast.openvino.paint(frame, frozen), fast.openvino.paint(frame, look))


def test_another_look_compiles_nothing_and_shows_at_once(fast: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = picture(40, 40)
    looks = [fast.look(mix, frozen=False) for mix in MIXES]
    for _ in range(2):
        fast.openvino.paint(frame, looks[0])
    monkeypatch.setattr(fast.openvino, "_compile", lambda *_: pytest.fail("compiled"))
    for look in [*looks, *reversed(looks)]:
        assert_alike(fast.openvino.paint(frame, look), fast.torch.paint(frame, look))


def test_a_stream_compiles_twice_and_a_folder_once(fast: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = OpenVinoEngine(fast.stored.network, threads=1)
    compile_, compiled = engine._compile, []
    monkeypatch.setattr(engine, "_compile", lambda *args: compiled.append(args) or compile_(*args))
    look = fast.look(MIXES[0], frozen=False)
    for size in range(20, 30):
        engine.paint(picture(size, 24), look)
    assert compiled == [(("live", False),)]
    for _ in range(5):
        engine.paint(picture(40, 56), look)
    assert compiled == [(("live", False),), (("live", False), [40, 56, 3])]
    for size in (16, 17, 18, 19):
        for _ in range(2):
            engine.paint(picture(size, 24), look)
    assert len(engine._one_size) == 2


def test_results_and_frames_are_never_written_again(fast: Pair) -> None:
    look = fast.look(MIXES[0], frozen=False)
    frames = [picture(32, 40, seed) for seed in range(5)]
    copies = [frame.copy() for frame in frames]
    results = [fast.openvino.paint(frame, look) for frame in frames]
    kept = [result.copy() for result in results]
    fast.openvino.paint(frames[0], fast.look(MIXES[2], frozen=False))
    for result, before in zip([*results, *frames], [*kept, *copies], strict=True):
        assert np.array_equal(result, before)
    assert all(result.flags.writeable and result.flags.c_contiguous for result in results)
    results[0][...] = 0
    assert np.array_equal(results[1], kept[1])


def test_frames_that_are_views_or_read_only(fast: Pair) -> None:
    look = fast.look(MIXES[0], frozen=False)
    whole = picture(60, 60)
    view = whole[5:45:2, 50:10:-1]
    for size in (view, view, whole, whole):  # the second of a size has a graph compiled for it
        fast.openvino.paint(size, look)
    assert np.array_equal(fast.openvino.paint(view, look), fast.openvino.paint(view.copy(), look))
    whole.flags.writeable = False
    assert np.array_equal(fast.openvino.paint(whole, look), fast.openvino.paint(whole.copy(), look))


def test_bfloat16_moves_no_mean(fast: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gains that the graph rounds would leave each channel's mean beside its shift, in every layer."""
    given: dict[str, NDArray[np.float32]] = {}
    monkeypatch.setattr(OpenVinoEngine, "_infer", staticmethod(lambda _, inputs: given.update(inputs)))
    look = fast.look(MIXES[0], frozen=True)
    OpenVinoEngine(fast.stored.network, "bf16", threads=1).paint(picture(16, 16), look)
    gains, offsets = (torch.from_numpy(given[name][:, :, 0, 0]) for name in ("gains", "offsets"))
    assert torch.equal(gains, gains.bfloat16().float())
    means, shifts = torch.as_tensor(look.statistics.means), torch.as_tensor(look.parameters.shifts)
    torch.testing.assert_close(means * gains + offsets, shifts, rtol=0, atol=1e-5)


def test_the_weights_are_its_own() -> None:
    model = StyleModel.create("fast", [Style("a")], width=8, blocks=1)
    stored, frame = model.stored(), picture(16, 16)
    engine, look = OpenVinoEngine(stored.network, threads=1), Look(stored.mix({"a": 1}))
    expected = TorchEngine(model.network, CPU, torch.float32).paint(frame, look)
    with torch.no_grad():
        for weight in model.network.parameters():
            weight.zero_()
    assert_alike(engine.paint(frame, look), expected)


def test_it_writes_nothing_to_the_home_folder_and_reports_to_nobody(tmp_path: Path) -> None:
    code = """
import sys, torch, numpy as np
from style_transfer.networks.catalogue import load_model
from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Style
from style_transfer.runtime.look import Look
from style_transfer.runtime.openvino_engine import OpenVinoEngine
model = StyleModel.create("fast", [Style("a")], width=4, blocks=1).stored()
for _ in range(3):
    OpenVinoEngine(model.network).paint(np.zeros((9, 9, 3), np.uint8), Look(model.mix({"a": 1})))
assert sys.modules["openvino_telemetry"] is None
"""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    root = Path(__file__).parents[2]
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home), "PYTHONPATH": str(root)}
    subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code], cwd=work, env=environment, check=True
    )
    assert list(home.rglob("*")) == []
    assert list(work.rglob("*")) == []
