"""Training of the lung finder: masks, network, other images, fit, held-out figures, bundle."""
