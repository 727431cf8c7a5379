"""A drawn child's chest: canvas, healthy chest, illness. Nothing in it was measured on a film."""
