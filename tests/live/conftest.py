"""What paints in the tests of the live show."""

from __future__ import annotations

import pytest
from helpers import make_model

from style_transfer.runtime.stylizer import Stylizer


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer(make_model(), device="cpu", precision="fp32")
