"""The commands: one module each, with ``main(argv) -> int``. They parse before they import anything slow."""
