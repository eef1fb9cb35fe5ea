"""How fast a model runs on this machine: each case in a process of its own, so that its memory is its own."""

from __future__ import annotations

import importlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from style_transfer.runtime.device import Device

#: Instruction sets that speed depends on.
CPU_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
WARM_UP = 3  # frames: the first and the second of a size compile
_MOST_FRAMES = 500
_PATIENCE = 900.0  # seconds for one case, compiling included


@dataclass(frozen=True)
class Case:
    """What is measured: one row of the table."""

    model: str  #: that ships, a file, or the name of a network, which is then untrained
    width: int
    height: int
    engine: str
    precision: str
    statistics: str
    device: str = "auto"


@dataclass(frozen=True)
class Speed:
    """What was measured, or the ``reason`` why it could not be; both with the case."""

    case: Case
    reason: str = ""
    runs_on: str = ""  #: device, precision and engine as the stylizer describes them
    frames: int = 0  #: that were timed
    fps: float = 0.0  #: 1 / median
    median_ms: float = 0.0  #: a frame, array to array
    p95_ms: float = 0.0
    peak_mb: float = 0.0  #: the largest resident memory of the whole process, MiB
    gpu_peak_mb: float = 0.0  #: PyTorch's largest on the GPU, MiB
    mean_difference: float = 0.0  #: from PyTorch in float32 on the CPU, of 255
    tail_difference: float = 0.0  #: its 99.9th percentile
    upload_ms: float = 0.0  #: on a GPU what each part of a frame takes by itself, by the GPU's clock
    network_ms: float = 0.0
    download_ms: float = 0.0


def cases(
    models: Sequence[str], resolutions: Sequence[tuple[int, int]], device: str, *, engines: Sequence[str]
) -> Iterator[Case]:
    """Every combination that means something: int8 is OpenVINO's, fp16 a GPU's."""
    half = "fp16" if device != "cpu" else "bf16"
    precisions = {"torch": ["fp32", half], "openvino": ["fp32", "bf16", "int8"]}
    for model in models:
        for width, height in resolutions:
            for engine in engines:
                for precision in precisions[engine]:
                    for kind in ("live", "frozen"):
                        yield Case(model, width, height, engine, precision, kind, device)


def measure(case: Case, photo: Path | None, seconds: float) -> Speed:
    """Measure ``case`` for about ``seconds`` in a fresh process; never raises for what happens there."""
    words = json.dumps({**asdict(case), "photo": photo and str(photo), "seconds": seconds})
    # -P: the folder it is called in may hold a statistics.py, say.
    command = [sys.executable, "-P", "-m", "style_transfer.evaluation.speed", words]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, env=environment)
        if done.returncode == 0:
            return Speed(**{**json.loads(done.stdout.splitlines()[-1]), "case": case})
        lines = done.stderr.strip().splitlines() or [f"the process ended with {done.returncode}"]
        return Speed(case, lines[-1][:300])
    except subprocess.TimeoutExpired:
        return Speed(case, f"took longer than {_PATIENCE:.0f} s")
    except (ValueError, TypeError, IndexError) as error:
        return Speed(case, f"said nothing that makes sense: {error}"[:300])


def machine(device: str = "cpu") -> dict[str, Any]:
    """What the figures of ``device`` belong to, JSON-serialisable."""
    from style_transfer import __version__
    from style_transfer.runtime.device import cpu_flags
    from style_transfer.runtime.threads import thread_budget

    packages = [name for name in ("torch", "openvino", "numpy", "cv2") if find_spec(name)]
    gpu = {"gpu": _gpu_name(device)} if device.startswith("cuda") else {}
    return {
        **gpu,
        "cpu": cpu_name(),
        "flags": [name for name in CPU_FLAGS if name in cpu_flags()],
        "threads": thread_budget(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "style-transfer": __version__,
        **{name: importlib.import_module(name).__version__ for name in packages},
    }


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _gpu_name(device: str) -> str:
    import torch

    return str(torch.cuda.get_device_name(device))


def run_case(case: Case, photo: Path | None, seconds: float) -> Speed:
    """The measurement itself, in this process. Raises ``UserError`` for what cannot be here."""
    from style_transfer.runtime.stylizer import Stylizer

    if problem := _not_here(case):
        return Speed(case, problem)
    stylizer = Stylizer(_model(case.model), device=case.device, precision=case.precision, engine=case.engine)
    if "failed" in stylizer.engine_reason:
        return Speed(case, stylizer.engine_reason)
    frame = _frame(photo, case.width, case.height)
    look = stylizer.look
    if case.statistics == "frozen":
        # Not quite of the picture that is painted, as in a film.
        reference = np.roll(frame, case.width // 16, axis=1)
        look = look.frozen(stylizer.measure(reference, look))
    for _ in range(WARM_UP):
        painted = stylizer(frame, look)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 5 or (time.perf_counter() < end and len(times) < _MOST_FRAMES):
        start = time.perf_counter()
        painted = stylizer(frame, look)
        times.append(time.perf_counter() - start)
    apart = getattr(stylizer.engine, "apart", None)  # on a GPU
    parts = apart(frame, look) if apart else {}
    peak, gpu_peak = _peak_memory(stylizer.device)  # before PyTorch paints the same
    exact = Stylizer(stylizer.model, device="cpu", precision="fp32", engine="torch")
    reference_look = exact.look
    if case.statistics == "frozen":
        reference_look = reference_look.frozen(exact.measure(reference, reference_look))
    difference = np.abs(painted.astype(np.int16) - exact(frame, reference_look))
    median = statistics.median(times)
    return Speed(
        case,
        runs_on=stylizer.summary,
        frames=len(times),
        fps=1 / median,
        median_ms=1e3 * median,
        p95_ms=1e3 * float(np.quantile(times, 0.95)),
        peak_mb=peak,
        gpu_peak_mb=gpu_peak,
        mean_difference=float(difference.mean()),
        tail_difference=float(np.quantile(difference, 0.999)),
        upload_ms=1e3 * parts.get("upload", 0.0),
        network_ms=1e3 * parts.get("compute", 0.0),
        download_ms=1e3 * parts.get("download", 0.0),
    )


def _not_here(case: Case) -> str:
    from style_transfer.runtime.device import choose_device, has_fast_bf16

    device = choose_device(case.device)
    if case.precision == "bf16" and not has_fast_bf16(device):
        return f"{device} has no instructions for bf16"
    return ""


def _model(name: str) -> Any:
    from style_transfer.networks.catalogue import open_model
    from style_transfer.networks.plan import PLANS
    from style_transfer.networks.styles import Style

    if name not in PLANS:
        return open_model(name)
    from style_transfer.networks.style_model import StyleModel  # PyTorch comes with it

    return StyleModel.create(name, [Style("untrained")])


def _frame(photo: Path | None, width: int, height: int) -> NDArray[np.uint8]:
    """``photo``, or the one that comes with matplotlib, at the size wanted."""
    from PIL import Image

    from style_transfer.media.image import read_image

    if photo is None:
        spec = find_spec("matplotlib")
        assert spec is not None
        assert spec.origin is not None
        photo = Path(spec.origin).parent / "mpl-data" / "sample_data" / "grace_hopper.jpg"
    image = Image.fromarray(read_image(photo).frames[0])
    return np.array(image.resize((width, height), Image.Resampling.LANCZOS))


def _peak_memory(device: Device) -> tuple[float, float]:
    """MiB of this process, and of PyTorch on ``device`` if that is a GPU of NVIDIA's."""
    if sys.platform == "win32":
        peak = psutil.Process().memory_info().peak_wset / 2**20
    else:
        import resource

        unit = 2**20 if sys.platform == "darwin" else 2**10
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
        # Linux hands the parent's peak on to that; its own begins anew with the program.
        status = Path("/proc/self/status")
        if status.exists() and (own := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
            peak = int(own[1]) / 2**10
    if device.type != "cuda":  # to import PyTorch now would count as memory of what was measured
        return peak, 0.0
    import torch

    return peak, torch.cuda.max_memory_allocated(str(device)) / 2**20


def _main() -> None:
    """One case, as JSON in the first argument; the result as JSON on stdout."""
    from style_transfer.errors import StyleTransferError

    words = json.loads(sys.argv[1])
    photo, seconds = words.pop("photo"), words.pop("seconds")
    case = Case(**words)
    try:
        speed = run_case(case, photo and Path(photo), seconds)
    except StyleTransferError as error:
        speed = Speed(case, str(error))
    print(json.dumps(asdict(speed)))


if __name__ == "__main__":
    _main()
