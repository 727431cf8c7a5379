"""Charts of how well a model tells films apart: arrays → figures."""
