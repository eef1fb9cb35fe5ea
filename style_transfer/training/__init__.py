"""The loop that teaches: photos in, a model file out."""
