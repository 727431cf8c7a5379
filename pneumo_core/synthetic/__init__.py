"""Synthetic chest films and data sets: for trying and testing, never for measuring a model."""
