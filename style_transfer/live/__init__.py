"""Painting a camera as it runs: the loop, its controls, and what is drawn over the picture."""
