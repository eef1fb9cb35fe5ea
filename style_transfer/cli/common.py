"""What every command does the same way: messages, exit codes, stopping."""

from __future__ import annotations

import argparse
import errno
import io
import os
import re
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from style_transfer.errors import StyleTransferError, UserError, one_line

if TYPE_CHECKING:  # no command waits for the libraries of another
    from style_transfer.networks.stored_model import StoredModel
    from style_transfer.runtime.stylizer import Stylizer

INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the words of a command in one line, like every other error."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; --help shows what there is\n")


def add_common_flags(parser: argparse.ArgumentParser) -> None:
    """Flags of every command that runs a network."""
    parser.add_argument(
        "--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps, xpu (auto)"
    )
    parser.add_argument(
        "--precision",
        default="auto",
        help="auto, fp32, bf16, fp16, and to paint on a CPU int8 (auto: the fastest that is right)",
    )
    add_debug_flag(parser)


def add_engine_flags(parser: argparse.ArgumentParser) -> None:
    """Flags of every command that paints."""
    parser.add_argument(
        "--engine", default="auto", help="auto, torch, openvino (auto: the fastest that is there)"
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="on a GPU let torch.compile make the network faster; starts slowly",
    )
    parser.add_argument("--verbose", action="store_true", help="say what runs the network, and why")


def stylizer_of(args: argparse.Namespace, model: str | StoredModel, **look: Any) -> Stylizer:
    """As the flags of :func:`add_common_flags` and :func:`add_engine_flags` ask for it, with such a look."""
    from style_transfer.runtime.stylizer import Stylizer  # OpenCV comes with it

    stylizer = Stylizer(
        model, device=args.device, precision=args.precision, engine=args.engine, compiled=args.compile, **look
    )
    if args.compile and stylizer.device.type == "cpu":
        say("--compile paints with PyTorch alone, without OpenVINO and int8, which are faster on most CPUs")
    if args.verbose:
        say(stylizer.summary)
    return stylizer


def add_statistics_flag(group: argparse._ActionsContainer, *, default: str) -> None:
    """The flag of every command that paints what moves."""
    auto = "auto: frozen where int8 paints it; " if default == "auto" else ""
    group.add_argument(
        "--statistics",
        choices=(*(["auto"] if auto else []), "frozen", "live"),
        default=default,
        help=f"{auto}frozen: follow the film slowly, flickers less; live: each frame's own, as photos have"
        f" ({default})",
    )


def add_debug_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def guarded(command: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    """Run a command; its errors become one line on stderr and an exit code."""
    global _interrupted
    _fill_streams()
    _interrupted = False
    with _answered_by(_interrupt):
        return _told(command, args)


def _fill_streams() -> None:
    """Let streams that are not there lead nowhere: of a service, or of Windows' programs without a console.

    Bars are drawn to them, and the next file to be opened would take the place that FFmpeg reports to.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - it stays open


def _told(command: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that it cannot write must not end a run
        utf8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
        sys.stdout.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of metadata it cannot read, which are left out
    try:
        return command(args)
    except KeyboardInterrupt:
        say("stopped")
        return INTERRUPTED
    except BrokenPipeError:
        return 1
    except StyleTransferError as error:
        code = error.exit_code
        say_error(error)
    except Exception as error:
        if args.debug:
            raise
        code = 1
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            say(f"error: the name '{error.filename}' is too long; choose a shorter one")
            return UserError.exit_code
        say(f"error: {type(error).__name__}: {one_line(error)} (--debug shows where)")
    if args.debug:
        traceback.print_exc()
    return code


def say(message: str) -> None:
    """A line for the person at the terminal, on stderr, clear of any progress bar.

    If nobody listens any more, as after Ctrl-C in ``2>&1 | tee log``, what is being done is worth finishing.
    """
    tqdm = sys.modules.get("tqdm")
    with suppress(OSError):
        if tqdm is not None:
            tqdm.tqdm.write(message, file=sys.stderr)
        else:
            print(message, file=sys.stderr)


def say_error(error: StyleTransferError, source: Path | None = None) -> None:
    """One line, with the ``source`` where the error does not name it; names keep their double spaces."""
    told = " ".join(str(error).splitlines())
    say(f"error: '{source}': {told}" if source else f"error: {told}")


_interrupted = False


def _interrupt(_number: int, _frame: object) -> None:
    global _interrupted
    _interrupted = True
    raise KeyboardInterrupt


@contextmanager
def _answered_by(handler: Callable[[int, object], None]) -> Iterator[None]:
    """Within it ``handler`` takes Ctrl-C and SIGTERM; in the main thread, as no other gets signals."""
    is_main = threading.current_thread() is threading.main_thread()
    signals = (signal.SIGINT, signal.SIGTERM) if is_main else ()
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def heed_interrupt() -> None:
    """Raise ``KeyboardInterrupt`` again where foreign code, such as an import, has swallowed one."""
    if _interrupted:
        raise KeyboardInterrupt


@contextmanager
def stop_signals(unit: str = "this step") -> Iterator[Callable[[], bool]]:
    """Within it the first Ctrl-C or SIGTERM makes the yielded function true; a second Ctrl-C interrupts.

    ``unit`` is what is finished first, for the message. In a thread other than the main one it stays false.
    """
    heed_interrupt()
    asked = False

    def ask(number: int, _frame: object) -> None:
        nonlocal asked
        if asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked = True
        say(f"stopping after {unit}; Ctrl-C again to stop at once")

    with _answered_by(ask):
        yield lambda: asked


def check_least(args: argparse.Namespace, **least: int) -> None:
    """Raise ``UserError`` for a flag that is given and below the number that stands beside its name."""
    for name, number in least.items():
        value = getattr(args, name)
        if value is not None and value < number:
            raise UserError(f"--{name.replace('_', '-')} must be {number} or more, not {value}")


def check_strength(args: argparse.Namespace) -> None:
    """Raise ``UserError`` for a ``--strength`` that no look can have, before anything slow begins."""
    if not 0 <= args.strength <= 1:
        raise UserError(f"--strength must be between 0 and 1, not {args.strength:g}")


def duration(seconds: float) -> str:
    """``4000`` → ``1 h 7 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def parse_resolution(text: str) -> tuple[int, int]:
    """Width and height of ``1280x720``. Raises ``UserError`` for what is none."""
    found = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", text.strip())
    if not found or not (int(found[1]) and int(found[2])):
        raise UserError(f"'{text}' is no resolution; write width and height, such as 1280x720")
    return int(found[1]), int(found[2])
