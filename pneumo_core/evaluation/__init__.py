"""Readings against labels: evaluation of a bundle on a data set."""
