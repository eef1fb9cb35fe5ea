"""The camera, painted as you watch: ``python webcam.py --style great_wave``."""

import sys

from style_transfer.cli.webcam import main

if __name__ == "__main__":
    sys.exit(main())
