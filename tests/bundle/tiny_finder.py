"""A lung finder for tests: what has the grey `LUNG` is lung, the right one in the left half."""

import json

import cv2
import numpy as np

from pneumo_core.bundle.integrity import write_sums
from pneumo_core.bundle.lung_finder import FINDER_FILES, GRAPH, PLAUSIBILITY
from pneumo_core.bundle.openvino_graph import openvino
from pneumo_core.imaging.lung_shape import Plausibility

LUNG = 150
CARD = {
    "format": 1,
    "kind": "lung finder",
    "name": "lungs",
    "version": "1.0",
    "input": {"size": 128},
    "data": {"masks": 12, "patients": 9, "licence": "none"},
    "figures": {"dice": {"value": 0.9, "low": 0.8, "high": 0.95}},
    "training": {"finished": "2026-01-01T00:00:00+00:00", "machine": "a test"},
}


def lung_film(side=128):
    """A film with two ellipses in the grey that the finder takes for lungs, uint8 (side, side)."""
    film = np.zeros((side, side), np.uint8)
    for x in (0.3, 0.7):
        at, axes = (round(x * side), side // 2), (round(0.12 * side), round(0.3 * side))
        cv2.ellipse(film, at, axes, 0, 0, 360, LUNG, -1)
    return film


def write_tiny_finder(models_dir, name="lungs", card=CARD):
    """Write the finder `name` into a folder of models; its path."""
    path = models_dir / name
    (path / "openvino").mkdir(parents=True)
    ov = openvino()
    op = ov.opset13
    film = op.parameter([-1, 128, 128, 1], np.float32)
    lung = op.sigmoid(op.subtract(np.float32(40), op.abs(op.subtract(film, np.float32(LUNG)))))
    left_half = (np.arange(128) < 64).astype(np.float32)[None, None, :, None]
    maps = op.concat([op.multiply(lung, left_half), op.multiply(lung, 1 - left_half)], 3)
    ov.save_model(ov.Model([maps], [film], "tiny"), path / GRAPH, compress_to_fp16=False)
    (path / "model.keras").write_bytes(b"not loaded for reading")
    (path / "README.md").write_text("# Tiny\n", encoding="utf-8")
    (path / "card.json").write_text(json.dumps(card), encoding="utf-8")
    ones, zeros = np.ones(17), np.zeros(17)
    limits = (-1.0, 1e9, 0.01)
    Plausibility(zeros, ones, np.zeros(18), zeros, np.eye(17), *limits, np.zeros(4)).save(
        path / PLAUSIBILITY
    )
    write_sums(path, FINDER_FILES)
    return path
