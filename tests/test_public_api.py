"""The public names, and that importing the package is free."""

import subprocess
import sys

import numpy as np
import pytest

import style_transfer


def test_every_public_name_is_there():
    for name in style_transfer.__all__:
        assert getattr(style_transfer, name).__module__.startswith("style_transfer.")
        assert name in dir(style_transfer)
    with pytest.raises(AttributeError, match="no attribute 'Painter'"):
        _ = style_transfer.Painter


def test_importing_the_package_imports_nothing_slow():
    code = "import sys, style_transfer; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_example_of_the_docstring():
    stylize = style_transfer.Stylizer("gallery-fast", style="great_wave", device="cpu")
    photo = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    painting = stylize(photo)
    assert painting.shape == photo.shape
    assert painting.dtype == np.uint8
    assert (painting != photo).any()


def test_shipped_models_say_what_they_are():
    names = style_transfer.list_models()
    assert names[0] == "gallery-fast"
    for name in names:
        model = style_transfer.load_model(name)
        assert len(model.styles) >= 6
        assert model.training["steps"] > 0
        for style in model.styles:
            assert style.name
            assert style.title
            assert style.artist
            assert style.year
            assert style.licence == "public domain"
