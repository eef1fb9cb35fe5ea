"""``train.py`` as a process of its own: starting, stopping, several at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers import ROOT, pressing_ctrl_c

from style_transfer.networks.catalogue import load_model
from style_transfer.training.checkpoint import load_checkpoint

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def command(paintings: list[Path], photo_folder: Path, vgg_file: Path, tmp_path: Path) -> list[str]:
    flags = {"style-image": paintings[0], "dataset": photo_folder, "output": tmp_path / "m.safetensors",
             "vgg-weights": vgg_file, "width": 4, "batch-size": 1, "image-size": 64, "style-size": 64,
             "device": "cpu", "precision": "fp32"}  # fmt: skip
    return [
        str(ROOT / "train.py"),
        *(str(part) for name, value in flags.items() for part in (f"--{name}", value)),
    ]


def test_help_is_there_without_torch() -> None:
    code = (
        "import runpy, sys\n"
        "sys.argv = ['train.py', '--help']\n"
        "try:\n"
        f"    runpy.run_path({str(ROOT / 'train.py')!r}, run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
        "slow = {'torch', 'torchvision', 'numpy', 'PIL', 'matplotlib', 'cv2'} & sys.modules.keys()\n"
        "assert not slow, slow\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "--style-image" in done.stdout


def test_wrong_flags_end_with_2(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *command, "--steps", "many"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=60,
    )
    assert done.returncode == 2
    assert "error: " in done.stderr.splitlines()[-1]
    assert "--steps" in done.stderr.splitlines()[-1]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
def test_ctrl_c_leaves_a_model_and_a_checkpoint(command: list[str], tmp_path: Path) -> None:
    preview = tmp_path / "m.preview.png"  # written as soon as there is a step to show
    words = [*command, "--steps", "100000", "--preview-every", "1"]
    code, out, err = pressing_ctrl_c(*words, once=preview.exists)
    assert code == 130, err
    assert out == f"{tmp_path / 'm.safetensors'}\n"
    assert "stopping after this step" in err
    assert "Traceback" not in err
    assert "Warning" not in err
    model, checkpoint = load_model(tmp_path / "m.safetensors"), load_checkpoint(tmp_path / "m.checkpoint.pt")
    assert model.training["steps"] == checkpoint["step"] >= 1
    assert not [path for path in tmp_path.iterdir() if ".partial" in path.name]


def test_two_processes_train_one_model(command: list[str], tmp_path: Path) -> None:
    # Each process tells what weights it would save, and what it drew for each step: crops, and the seed of
    # styles and motion. There are four cores to share.
    script = tmp_path / "told.py"
    script.write_text(
        "import os, sys, torch\n"
        "from style_transfer.cli import train, train_run\n"
        "from style_transfer.runtime import threads\n"
        "from style_transfer.training import objective\n"
        "threads._usable_cores = lambda: 4\n"
        "crops, seeds, draw_mixes = [], [], objective.draw_mixes\n"
        "def noted(*words):\n"
        "    seeds.append(words[-1].initial_seed())\n"
        "    return draw_mixes(*words)\n"
        "objective.draw_mixes = noted\n"
        "class Told(train_run.Trainer):\n"
        "    def _train_step(self, batch):\n"
        "        crops.append(batch)\n"
        "        return super()._train_step(batch)\n"
        "    def run(self, *more):\n"
        "        done = super().run(*more)\n"
        "        told = {'weights': self.average.means, 'crops': crops, 'seeds': seeds[-2:]}\n"
        "        told['threads'] = torch.get_num_threads()\n"
        "        torch.save(told, sys.argv[1] + os.environ['RANK'])\n"
        "        return done\n"
        "train_run.Trainer = Told\n"
        "sys.exit(train.main(sys.argv[2:]))\n"
    )
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    argv = [
        *launch,
        str(script),
        str(tmp_path / "rank"),
        *command[1:],
        "--steps",
        "2",
        "--preview-every",
        "0",
    ]
    done = subprocess.run(argv, capture_output=True, text=True, env=ENVIRONMENT, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'm.safetensors'}\n"
    assert done.stderr.count("trained 2 steps") == 1
    first, second = (torch.load(tmp_path / f"rank{rank}", weights_only=True) for rank in (0, 1))
    assert all(map(torch.equal, first["weights"], second["weights"]))
    assert first["threads"] == second["threads"] == 2
    for number in range(2):
        assert not torch.equal(first["crops"][number], second["crops"][number])
        assert first["seeds"][number] != second["seeds"][number]
    model = load_model(tmp_path / "m.safetensors")
    saved = [*model.network.parameters(), *model.bank.parameters()]
    for ours, theirs in zip(saved, first["weights"], strict=True):
        assert torch.equal(ours, theirs.half().float())
