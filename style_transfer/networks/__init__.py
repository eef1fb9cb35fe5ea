"""What turns a photo into a picture: the networks and the model file that holds them."""
