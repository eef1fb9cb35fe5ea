"""On a machine without a GPU the commands that paint never import PyTorch: it alone takes seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from clips import contents, make_clip
from helpers import ROOT, photo_pixels
from PIL import Image

pytest.importorskip("openvino", reason="without OpenVINO it is PyTorch that paints")
pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="PyTorch has to be asked what this machine has"
)

CODE = """
import sys
from pathlib import Path
from style_transfer.cli.main import main
from style_transfer.runtime import device
device._DEV = Path("no GPU")
code = main(sys.argv[1:])
sys.exit(code or ("torch" in sys.modules or "torchvision" in sys.modules) and "PyTorch was imported")
"""


def run(folder: Path, *words: object) -> str:
    """What a command of its own process says; it must succeed, and without PyTorch."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}){CODE}", *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    make_clip(path, pts=range(8))
    return path


def test_a_photo(tmp_path: Path) -> None:
    photo = photo_pixels(96, 128)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    assert "openvino" in run(tmp_path, "stylize", "photo.png", "--verbose")
    with Image.open(tmp_path / "photo_great_wave.png") as painting:
        assert painting.size == (128, 96)
        assert abs(photo_pixels(96, 128).astype(int) - painting.convert("RGB")).mean() > 5


def test_a_video(clip: Path, tmp_path: Path) -> None:
    run(tmp_path, "stylize", clip, "-o", "out.mp4", "--style", "great_wave@0;udnie@0.1", "--stabilize", "0.5")
    assert len(contents(tmp_path / "out.mp4").times) == 8


@pytest.mark.parametrize("words", [["--headless", "--record", "out.mp4"], ["--serve", "--port", "0"]])
def test_the_webcam(words: list[str], clip: Path, tmp_path: Path) -> None:
    if "--serve" in words:
        pytest.importorskip("aiohttp")
    run(tmp_path, "webcam", "--source", clip, "--statistics", "frozen", *words)


def test_what_models_hold(tmp_path: Path) -> None:
    assert "great_wave" in run(tmp_path, "info", "gallery-fast")
    assert "gallery-fast: fast network" in run(tmp_path, "stylize", "--list-models")
    assert "great_wave" in run(tmp_path, "stylize", "--list-styles")
