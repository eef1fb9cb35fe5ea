"""Train a style: ``python train.py --style-image wave.jpg --dataset photos/ --output wave.safetensors``."""

import sys

from style_transfer.cli.train import main

if __name__ == "__main__":
    sys.exit(main())
