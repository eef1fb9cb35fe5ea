"""Stylize photos: ``python stylize.py photo.jpg --style great_wave``."""

import sys

from style_transfer.cli.stylize import main

if __name__ == "__main__":
    sys.exit(main())
