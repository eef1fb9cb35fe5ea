"""What the tests of images share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all of a module's tests: hypothesis takes no fixture that is made for each."""
    return tmp_path_factory.mktemp("images")
