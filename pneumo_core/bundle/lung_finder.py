"""The lung finder: a bundle of its own in models/lungs, run through OpenVINO.

models/lungs/card.json         training data and figures, checked against `lung_card.schema.json`
             model.keras       the network; openvino/model.xml and .bin hold it as it is run
             plausibility.npz  when two masks can be a pair of lungs (`imaging.lung_shape`)
             README.md, SHA256SUMS

Folders named lungs-... hold further finders; only `lungs` is used.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.card.form import check_schema
from pneumo_core.bundle.integrity import (
    LUNGS,
    SUMS,
    broken,
    is_finder_name,
    read_bytes,
    verify_bundle,
)
from pneumo_core.bundle.openvino_graph import Requests
from pneumo_core.config import load_settings
from pneumo_core.errors import BundleError
from pneumo_core.imaging.lung_shape import CELLS, Plausibility
from pneumo_core.imaging.lungs import SIDE, find_lungs, mirrored_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pneumo_core.imaging.film import Grey
    from pneumo_core.imaging.lungs import Lungs

PLAUSIBILITY = "plausibility.npz"
GRAPH = "openvino/model.xml"
FINDER_FILES = (
    *("README.md", "card.json", "model.keras", "openvino/model.bin", GRAPH, PLAUSIBILITY),
)
_SCHEMA = Path(__file__).with_name("lung_card.schema.json")


class LungFinder:
    """Finds the lungs on films. Safe to share between threads.

    `card` is the checked document of card.json; `digest` (hex) changes when any file does. Raises
    BundleError where the bundle at `path` is damaged or altered.
    """

    def __init__(self, path: Path, *, throughput: bool = False) -> None:
        verify_bundle(path, FINDER_FILES)
        self.path = path
        self.digest = hashlib.sha256(read_bytes(path, SUMS)).hexdigest()
        self.card = read_finder_card(path)
        try:
            self.plausibility = Plausibility.load(path / PLAUSIBILITY)
        except (OSError, ValueError, EOFError) as error:
            raise broken(path, f"expected the limits of two lungs in {PLAUSIBILITY}") from error
        self._requests = _compiled(path, throughput)

    def __call__(self, pixels: Grey, shape: tuple[int, int] | None = None) -> Lungs:
        """The lungs of a film uint8 (H, W), 0 black; `shape` as of `find_lungs`."""
        return find_lungs(pixels, self.probabilities, self.plausibility, shape)

    def probabilities(self, films: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability maps float32 (N, h, h, 2), right and left lung, of `network_input` films.

        The mean over each film and its mirror image.
        """
        return mirrored_mean(self._run)(films)

    def _run(self, films: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.array(self._requests.infer(films)[0], np.float32)


def load_finder(models_dir: Path | None = None, *, throughput: bool = False) -> LungFinder | None:
    """The finder in models/lungs, None without that folder; loaded once while it stays the same.

    `throughput`: for many threads at once, see `bundle.openvino_graph.Requests`.

    Raises BundleError where it is damaged or altered.
    """
    path = (load_settings().models_dir if models_dir is None else models_dir) / LUNGS
    if not path.is_dir():
        return None
    return _loaded(path, hashlib.sha256(read_bytes(path, SUMS)).hexdigest(), throughput)


@lru_cache(maxsize=2)
def _loaded(path: Path, _digest: str, throughput: bool) -> LungFinder:
    return LungFinder(path, throughput=throughput)


def finder_faults(models_dir: Path | None = None) -> dict[str, str]:
    """What is wrong with each lung finder among the models, "" where nothing is; by its name."""
    folder = load_settings().models_dir if models_dir is None else models_dir
    if not folder.is_dir():
        return {}
    faults = {}
    for path in sorted(one for one in folder.iterdir() if one.is_dir()):
        if is_finder_name(path.name):
            try:
                LungFinder(path)
                faults[path.name] = ""
            except BundleError as error:
                faults[path.name] = str(error)
    return faults


def read_finder_card(path: Path) -> Mapping[str, Any]:
    """The card of the finder at `path`, checked against its schema. Raises BundleError."""
    try:
        document = json.loads(read_bytes(path, "card.json"))
    except (ValueError, RecursionError) as error:
        raise broken(path, "expected JSON in card.json, found something else") from error
    check_finder_card(document, path.name)
    return dict(document)


def check_finder_card(document: object, name: str) -> None:
    """Raise BundleError unless `document` has the form of `lung_card.schema.json`."""
    check_schema(document, _SCHEMA, name)


def _compiled(path: Path, throughput: bool) -> Requests:
    """The graph on this machine's CPU, once it has answered."""
    try:
        requests = Requests(path / GRAPH, throughput=throughput)
        shape = requests.infer(np.zeros((1, SIDE, SIDE, 1), np.float32))[0].shape
    except RuntimeError as error:
        raise broken(path, f"expected an OpenVINO graph in {GRAPH}, it cannot be used") from error
    if len(shape) != 4 or shape[1] != shape[2] or shape[1] % CELLS or shape[3] != 2:
        raise broken(path, f"expected maps (N, h, h, 2), h a multiple of {CELLS}, got {shape}")
    return requests
