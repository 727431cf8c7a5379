"""The Metrics screen: how well a model tells films apart, at any threshold, and on which films."""
