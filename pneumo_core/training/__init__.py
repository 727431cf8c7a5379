"""Backbones, augmentation and the training routine."""
