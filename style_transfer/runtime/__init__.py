"""What runs a model fast: the Stylizer and what stands behind it. Knows nothing of files, video or arguments."""
