"""Where frames come from and go to: images, videos, cameras, windows. Knows nothing of networks."""
