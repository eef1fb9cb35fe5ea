"""``webcam.py --serve``: what it refuses, what it says, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from helpers import ROOT, heed_ctrl_c

from style_transfer.cli.webcam import main


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--host", "0.0.0.0"], "lets the whole network in; add a secret word: --token "),
        (["--token", "short"], "--token must have 12 or more"),
        (["--port", "99999"], "--port must be between 0 and 65535"),
        (["--max-clients", "0"], "--max-clients must be between 1 and 1000"),
        (["--tls-key", "key.pem"], "--tls-key needs --tls-cert"),
        (["--tls-cert", "none.pem"], "there is no file 'none.pem'; --tls-cert takes one in PEM format"),
        (["--record", "out.mp4"], "--record does not go with --serve"),
        (["--virtual-camera"], "--virtual-camera does not go with --serve"),
        (["--strength", "2"], "--strength must be between 0 and 1"),
        (["--source", "nothing.mp4"], "there is no file 'nothing.mp4'"),
        (["--style", "grate_wave"], "did you mean 'great_wave'"),
    ],
)
def test_mistakes_are_told_in_one_line(
    words: list[str], problem: str, model_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--serve", "--port", "0", "--model", str(model_file), "--device", "cpu", *words]) == 2
    *before, error = capsys.readouterr().err.splitlines()
    assert problem in error
    assert before in ([], ["loading the styles"])


def test_a_port_in_use_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["--serve", "--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert f"cannot listen at 127.0.0.1 port {port}" in error
    assert "--port" in error
    assert error.count("\n") == 1


def test_without_aiohttp_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    assert main(["--serve"]) == 2
    assert "pip install aiohttp" in capsys.readouterr().err


def test_it_serves_until_ctrl_c_and_ends_cleanly(model_file: Path) -> None:
    words = ["--serve", "--port", "0", "--model", str(model_file), "--device", "cpu", "--precision", "fp32"]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "webcam.py"), *words],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        assert process.stderr is not None
        address = next(line for line in process.stderr if line.startswith("open ")).split()[1]
        with urllib.request.urlopen(address) as answer:
            assert b"<title>style-transfer</title>" in answer.read()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.communicate()
