"""Where in an image a network finds what it predicts: Grad-CAM, guided backpropagation, guided Grad-CAM."""
