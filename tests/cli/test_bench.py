"""``style-transfer bench``: the table, the file, and what is said where a row cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from style_transfer.cli.bench import main as bench
from style_transfer.errors import UserError
from style_transfer.evaluation.speed import Case, Speed, _peak_memory, cases, machine, measure, run_case
from style_transfer.runtime.device import Device
from style_transfer.runtime.look import Look

pytest.importorskip("openvino", reason="openvino is not installed")


def test_a_row_is_measured_in_a_process_of_its_own(model_file: Path) -> None:
    case = Case(str(model_file), 48, 40, "openvino", "fp32", "frozen", "cpu")
    speed = measure(case, None, 0.05)
    assert speed.reason == ""
    assert speed.case == case
    assert "openvino" in speed.runs_on
    assert speed.frames >= 5
    assert 0 < speed.median_ms <= speed.p95_ms
    assert speed.fps == pytest.approx(1000 / speed.median_ms)
    assert 50 < speed.peak_mb < 20_000
    assert speed.mean_difference < 0.1
    assert speed.tail_difference <= 1


def test_the_difference_is_from_float32_with_the_same_statistics(
    model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from style_transfer.runtime.torch_engine import TorchEngine

    paint = TorchEngine.paint
    monkeypatch.setattr(TorchEngine, "paint", lambda *args: np.roll(paint(*args), 3, axis=1))
    for kind in ("live", "frozen"):
        off = run_case(Case(str(model_file), 64, 48, "openvino", "fp32", kind, "cpu"), None, 0.01)
        if "failed" in off.reason:
            pytest.skip(off.reason)
        assert off.mean_difference > 1


def test_what_cannot_be_here_has_a_reason(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from style_transfer.runtime import device

    monkeypatch.setattr(device, "has_fast_bf16", lambda _: False)
    assert "bf16" in run_case(Case("fast", 16, 16, "torch", "bf16", "live", "cpu"), None, 0.01).reason
    with pytest.raises(UserError, match="prepared"):
        run_case(Case("fast", 16, 16, "openvino", "int8", "live", "cpu"), None, 0.01)
    crashed = measure(Case(str(model_file), 0, 16, "torch", "fp32", "live", "cpu"), None, 0.01)
    assert "must be > 0" in crashed.reason  # its last line, not a traceback


def test_on_a_gpu_the_parts_of_a_frame_are_told_apart(
    model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from style_transfer.runtime.torch_engine import TorchEngine

    case = Case(str(model_file), 64, 48, "torch", "fp32", "frozen", "cpu")
    assert run_case(case, None, 0.01).network_ms == 0  # on a CPU it is one

    def apart(_self: object, frame: np.ndarray, look: Look) -> dict[str, float]:
        assert frame.shape == (48, 64, 3)
        assert look.statistics is not None
        return {"upload": 0.001, "compute": 0.002, "download": 0.003}

    monkeypatch.setattr(TorchEngine, "apart", apart, raising=False)
    speed = run_case(case, None, 0.01)
    assert (speed.upload_ms, speed.network_ms, speed.download_ms) == (1, 2, 3)


def test_memory_and_name_are_those_of_the_gpu_that_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: {"cuda:1": 2**24}[device])
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: {"cuda:1": "H200"}[device])
    assert _peak_memory(Device("cuda", 1))[1] == 16
    assert _peak_memory(Device("cpu"))[1] == 0
    assert machine("cuda:1")["gpu"] == "H200"
    assert "gpu" not in machine()


def test_every_combination_that_means_something() -> None:
    found = list(cases(["a", "b"], [(640, 480), (64, 48)], "cpu", engines=["torch", "openvino"]))
    assert len(found) == len(set(found)) == 2 * 2 * (2 + 3) * 2
    assert {case.precision for case in found if case.engine == "torch"} == {"fp32", "bf16"}
    gpu = list(cases(["a"], [(640, 480)], "cuda", engines=["torch"]))
    assert {case.precision for case in gpu} == {"fp32", "fp16"}


def test_the_machine_is_described() -> None:
    about = machine()
    assert about["threads"] >= 1
    assert about["torch"]
    json.dumps(about)


def test_the_table_the_file_and_the_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from style_transfer.cli import bench_run

    speed = 10.0

    def fake(case: Case, _photo: object, _seconds: float) -> Speed:
        if case.precision == "bf16":
            return Speed(case, "cpu has no instructions for bf16")
        return Speed(case, "", "cpu", 9, speed, 1e3 / speed, 120.0, 300.0, 0.0, 0.25, 3.0)

    monkeypatch.setattr(bench_run, "measure", fake)
    words = ["--quick", "--device", "cpu", "--engine", "torch", "--model", "fast"]
    assert bench([*words, "--json", str(tmp_path / "a.json")]) == 0
    table = capsys.readouterr().out
    assert "not here: cpu has no instructions for bf16" in table
    assert "100.0" in table
    saved = json.loads((tmp_path / "a.json").read_text())
    assert len(saved["rows"]) == 4
    assert saved["rows"][0]["case"]["width"] == 640
    speed = 15.0
    assert bench([*words, "--compare", str(tmp_path / "a.json")]) == 0
    assert capsys.readouterr().out.count("x1.50") == 2
    assert bench([*words, "--resolution", "64x48", "--compare", str(tmp_path / "a.json")]) == 0
    assert "new" in capsys.readouterr().out


def test_the_table_of_a_gpu_has_the_parts_beside_the_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from style_transfer.cli import bench_run

    parts: dict[str, float] = {}

    def fake(case: Case, _photo: object, _seconds: float) -> Speed:
        if case.precision == "bf16":
            return Speed(case, "cpu has no instructions for bf16")
        return Speed(case, "", "cpu", 9, 1000.0, 1.0, 1.2, 300.0, 90.0, 0.25, 3.0, **parts)

    monkeypatch.setattr(bench_run, "measure", fake)
    words = ["--quick", "--device", "cpu", "--engine", "torch", "--model", "fast"]
    assert bench(words) == 0
    assert "upload" not in capsys.readouterr().out
    parts.update(upload_ms=0.124, network_ms=0.5, download_ms=12.0)
    assert bench(words) == 0
    table = capsys.readouterr().out
    assert table.count("upload  network  download") == 1
    assert table.count("0.12     0.50     12.00") == 2


def test_ctrl_c_leaves_the_rows_measured_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from style_transfer.cli import bench_run

    measured: list[Case] = []

    def fake(case: Case, _photo: object, _seconds: float) -> Speed:
        if measured:
            raise KeyboardInterrupt
        measured.append(case)
        return Speed(case, "", "cpu", 9, 10.0, 100.0, 120.0, 300.0, 0.0, 0.25, 3.0)

    monkeypatch.setattr(bench_run, "measure", fake)
    words = ["--device", "cpu", "--model", "fast", "--json", str(tmp_path / "a.json")]
    assert bench(words) == 130
    assert capsys.readouterr().out.count("640x480") == 1
    assert len(json.loads((tmp_path / "a.json").read_text())["rows"]) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resolution", "640"], "no resolution"),
        (["--seconds", "0"], "above 0"),
        (["--model", "galery-fast"], "did you mean"),
        (["--photo", "none.jpg"], "none.jpg"),
        (["--compare", "none.json"], "cannot read"),
        (["--device", "abacus"], "unknown device"),
    ],
)
def test_bad_words_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(words) == 2
    assert message in capsys.readouterr().err


def test_what_no_engine_but_one_runs_is_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "w.onnx").touch()
    assert bench(["--model", str(tmp_path / "w.onnx")]) == 2
    assert "ONNX Runtime alone" in capsys.readouterr().err


def test_memory_is_that_of_the_row_and_not_of_who_measures(model_file: Path) -> None:
    ballast = np.ones(1_000_000_000, np.uint8)
    speed = measure(Case(str(model_file), 48, 40, "openvino", "fp32", "frozen", "cpu"), None, 0.05)
    assert speed.peak_mb < ballast.nbytes / 2**20


def test_a_foreign_file_to_compare_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.json").write_text('{"rows": [1]}')
    assert bench(["--compare", str(tmp_path / "x.json")]) == 2
    assert "nothing that --json has written" in capsys.readouterr().err
