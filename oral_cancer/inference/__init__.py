"""What a finished study says about new images: probabilities, populations, flags."""
