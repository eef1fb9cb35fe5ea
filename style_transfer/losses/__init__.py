"""What teaches a network: perceptual losses on the activations of VGG19."""
