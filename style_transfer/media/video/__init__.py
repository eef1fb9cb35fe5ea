"""Video files: reading, writing, and ``convert``, which paints one into another. On PyAV (FFmpeg)."""
