"""Lessons: three short experiments, each with one figure and a paragraph that follows from it."""
