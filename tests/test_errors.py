"""The tree of errors and what they say."""

from __future__ import annotations

import pytest

from style_transfer import errors
from style_transfer.errors import StyleTransferError, UnknownNameError, UserError, one_line


def test_exit_codes() -> None:
    codes = {name: cls.exit_code for name, cls in vars(errors).items() if name.endswith("Error")}
    assert codes == {
        "StyleTransferError": 1,
        "OutputError": 1,
        "NameTooLongError": 1,
        "TrainingError": 1,
        "UserError": 2,
        "InputFileError": 2,
        "ModelFileError": 2,
        "UnknownNameError": 2,
    }
    assert issubclass(UserError, ValueError)
    assert issubclass(UserError, StyleTransferError)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("waev", "unknown style 'waev'; did you mean 'wave'? (there are: scream, wave)"),
        ("zzz", "unknown style 'zzz' (there are: scream, wave)"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    assert str(UnknownNameError("style", name, ["wave", "scream"])) == message


def test_unknown_name_among_none() -> None:
    assert str(UnknownNameError("model", "a", [])) == "unknown model 'a' (there are: none)"


def test_any_error_in_one_line() -> None:
    assert one_line(ValueError("two\n  lines")) == "two lines"
    assert one_line(KeyboardInterrupt()) == "KeyboardInterrupt"
    assert one_line(OSError("x" * 300), 20) == "x" * 20
