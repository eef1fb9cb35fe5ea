"""The distributions: models are in the wheel, built from the sdist, and found from another folder."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from helpers import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    work = tmp_path_factory.mktemp("dist")
    build(ROOT, work, "sdist")
    (archive,) = work.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(work / "source", filter="data")
    (source,) = (work / "source").iterdir()
    build(source, work, "wheel")
    (wheel,) = work.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        files.extractall(work / "site")
    return work / "site"


def build(source, target, kind):
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run(installed, folder, *words):
    command = [sys.executable, "-P", "-m", "style_transfer", *words]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(installed)}
    )


def test_shipped_models_are_found_from_the_package_not_the_folder(installed, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "other.safetensors").write_bytes(b"not to be found")
    done = run(installed, tmp_path, "stylize", "--list-models")
    assert done.returncode == 0, done.stderr
    shipped = sorted(path.stem for path in (ROOT / "models").glob("*.safetensors"))
    assert shipped
    assert sorted(line.split(":")[0] for line in done.stdout.splitlines()) == shipped


def test_the_wheel_stylizes(installed, tmp_path):
    photo = ROOT / "assets" / "photos" / "chelsea.jpg"
    done = run(installed, tmp_path, "stylize", str(photo), "-o", str(tmp_path / "painted.jpg"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "painted.jpg").stat().st_size > 1000


def test_the_wheel_has_what_it_should_and_nothing_else(installed):
    top = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"style_transfer"}
    static = Path("style_transfer", "live", "web", "static")
    pages = {path.name for path in (ROOT / static).iterdir()}
    assert {path.name for path in (installed / static).iterdir()} == pages
    (metadata,) = installed.glob("*.dist-info")
    assert list(metadata.rglob("LICENSE"))
    assert "style-transfer = style_transfer.cli.main:main" in (metadata / "entry_points.txt").read_text()
