"""The one console command and its sub-commands."""

import argparse
import contextlib
import json
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tqdm import tqdm

from style_transfer import __version__
from style_transfer.cli.common import duration, guarded, say, stop_signals, stylizer_of
from style_transfer.cli.main import main
from style_transfer.errors import UserError
from style_transfer.networks.catalogue import load_model
from style_transfer.networks.model_file import save_model
from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Style


@pytest.fixture
def model_file(tmp_path):
    model = StyleModel.create(
        "johnson", [Style("wave", "Die Große Welle", "Hokusai", "1831", "public domain")], width=2
    )
    model.training = {"steps": 7}
    save_model(model, tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def test_info_says_what_a_model_holds(model_file, capsys):
    assert main(["info", str(model_file)]) == 0
    out = capsys.readouterr().out
    assert "johnson" in out
    assert "wave (Die Große Welle, Hokusai, 1831), public domain" in out
    assert "steps: 7" in out

    model = load_model(model_file)
    model.styles[0] = replace(model.styles[0], part="0.25, 0, 0.8, 1")
    save_model(model, model_file)
    assert main(["info", str(model_file)]) == 0
    assert "Hokusai, 1831), the part 0.25, 0, 0.8, 1, public domain\n" in capsys.readouterr().out


def test_info_says_how_styles_that_joined_were_trained(model_file, capsys):
    model = load_model(model_file)
    added = [{"styles": ["late"], "minutes": 5}, {"styles": ["b", "c"]}]
    model.training |= {"scales": [1, 2], "added": added}
    save_model(model, model_file)
    assert main(["info", str(model_file)]) == 0
    assert capsys.readouterr().out.endswith(
        "  steps: 7\n  scales: 1, 2\n  added:\n    styles: late\n    minutes: 5\n    styles: b, c\n"
    )


def test_info_as_json(model_file, capsys):
    assert main(["info", str(model_file), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["styles"][0]["title"] == "Die Große Welle"
    assert described["arguments"]["width"] == 2


def test_info_sends_a_terminal_nothing_but_text(model_file, capsys):
    model = load_model(model_file)
    model.training = {"note": "\x1b]0;title\x07\x9b2J", "\x1b[1m": 1}
    save_model(model, model_file)
    for words in (["info", str(model_file)], ["info", str(model_file), "--json"]):
        assert main(words) == 0
        assert all(c.isprintable() for line in capsys.readouterr().out.splitlines() for c in line)
    assert main(["info", str(model_file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["training"] == model.training


def test_info_of_an_unknown_model_names_those_that_ship(capsys):
    assert main(["info", "gallery-slow"]) == 2
    assert "did you mean 'gallery-fast'" in capsys.readouterr().err


def test_version_help_and_mistakes(capsys):
    assert main(["--version"]) == 0
    assert __version__ in capsys.readouterr().out
    assert main(["--help"]) == 0
    assert "stylize" in capsys.readouterr().out
    assert main(["paint"]) == 2
    assert "unknown command 'paint'" in capsys.readouterr().err
    assert main([]) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_foreign_code_swallows_is_heeded_all_the_same(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    went_on = []

    def command(_: argparse.Namespace) -> int:
        with contextlib.suppress(KeyboardInterrupt):  # as an import of a native module may
            signal.raise_signal(number)
        with stop_signals():
            went_on.append(1)
        return 0

    before = signal.getsignal(number)
    assert guarded(command, argparse.Namespace(debug=False)) == 130
    assert capsys.readouterr().err == "stopped\n"
    assert went_on == []
    assert signal.getsignal(number) is before
    assert guarded(lambda _: 0, argparse.Namespace(debug=False)) == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (89.4, "89 s"), (91, "2 min"), (3569, "59 min"), (4000, "1 h 7 min"), (7200, "2 h 0 min")],
)
def test_times_are_told_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_flags_of_engines_reach_the_stylizer(monkeypatch, capsys):
    asked = {}

    def stylizer(model, **flags):
        asked.update(flags, model=model)
        return argparse.Namespace(device=argparse.Namespace(type="cuda"), summary="cuda, float16")

    monkeypatch.setattr("style_transfer.runtime.stylizer.Stylizer", stylizer)
    flags = {"device": "cuda:1", "precision": "fp16", "engine": "torch"}
    stylizer_of(argparse.Namespace(**flags, compile=True, verbose=True), "gallery-fast", style="udnie")
    assert asked == {**flags, "compiled": True, "model": "gallery-fast", "style": "udnie"}
    assert capsys.readouterr().err == "cuda, float16\n"


def test_an_error_is_one_line_whatever_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    def command(_: argparse.Namespace) -> int:
        raise UserError("'two\nlines.jpg' does not exist")

    assert guarded(command, argparse.Namespace(debug=False)) == 2
    assert capsys.readouterr().err == "error: 'two lines.jpg' does not exist\n"


def test_a_name_too_long_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def command(_: argparse.Namespace) -> int:
        return len(list(Path("x" * 300).iterdir()))

    assert guarded(command, argparse.Namespace(debug=False)) == 2
    assert "is too long; choose a shorter one" in capsys.readouterr().err


def test_nobody_listens_any_more_and_the_work_goes_on(monkeypatch):
    class Closed:
        def write(self, _):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Closed())
    say("a line")


def test_without_a_console_there_are_streams_that_lead_nowhere(monkeypatch):
    def draw(_args):
        with tqdm(total=1, disable=None) as bar:
            bar.update()
            say("a line")
        print("a result", flush=True)
        return 0

    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert guarded(draw, argparse.Namespace(debug=True)) == 0
    assert sys.stdin.read() == ""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.close()


def test_in_a_thread_nothing_is_stopped_by_signals():
    found = []

    def work():
        with stop_signals() as asked:
            found.append(asked())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
