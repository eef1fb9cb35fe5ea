"""What says how good a model is: the objective it was trained on, against optimisation, and stability."""
