"""Drawn films of two dark lungs with their masks, as folders that `train-lungs` takes."""

import cv2
import numpy as np


def draw_pair(seed, side=96):
    """A film uint8 (side, side) with two dark ellipses on grey, and their mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((side, side), np.uint8)
    for x in (0.3, 0.7):
        at = (round((x + rng.uniform(-0.02, 0.02)) * side), round(rng.uniform(0.45, 0.55) * side))
        axes = (round(rng.uniform(0.11, 0.15) * side), round(rng.uniform(0.26, 0.34) * side))
        cv2.ellipse(mask, at, axes, 0, 0, 360, 255, -1)
    film = np.where(mask > 0, 60, 180) + rng.normal(0, 6, mask.shape)
    return np.clip(film, 0, 255).astype(np.uint8), mask


def write_masked_films(folder, n=6):
    """`n` films of each class, a patient each, and their masks: (images, masks)."""
    images, masks = folder / "images", folder / "masks"
    masks.mkdir(parents=True)
    for k in range(n):
        for label, name in (("NORMAL", f"IM-{k:04}-0001"), ("PNEUMONIA", f"person{k}_virus_{k}")):
            (images / "train" / label).mkdir(parents=True, exist_ok=True)
            film, mask = draw_pair(2 * k + (label == "NORMAL"))
            cv2.imwrite(str(images / "train" / label / f"{name}.png"), film)
            cv2.imwrite(str(masks / f"{name}.png"), mask)
    return images, masks
