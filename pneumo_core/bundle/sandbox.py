"""Sandbox: both networks of a bundle predict synthetic films in a separate process.

`python -m pneumo_core.bundle.sandbox FOLDER` prints one line: "read", or what is wrong. HDF5 and
OpenVINO are large parsers in C++; if a malicious file crashes one, only this process ends.
"""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.integrity import broken
from pneumo_core.bundle.keras_network import check_network, load_network
from pneumo_core.bundle.openvino_graph import Graph, export, openvino
from pneumo_core.bundle.registry import load_bundle
from pneumo_core.bundle.untrusted_files import WEIGHTS
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.bundle.registry import Bundle

log = logging.getLogger(__name__)

SECONDS = 180
MAX_MEMORY = 8 * 2**30  # bytes that the process may allocate, where the system can limit it
TOLERANCE = (
    5e-3  # in probability: half precision moves it by 1e-3 at most, so this is another network
)


def try_out(path: Path) -> None:
    """Run `carry_out` on the bundle at `path` in a separate process. Raises BundleError."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pneumo_core.bundle.sandbox", str(path)],
            env={**os.environ, "KERAS_BACKEND": "openvino"},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        what = f"expected it to predict a film within {SECONDS} seconds, but it did not"
        raise broken(path, what) from error
    said = done.stdout.strip().splitlines()[-1:]
    if done.returncode == 1 and said:
        raise BundleError(said[0])
    if done.returncode != 0 or said != ["read"]:
        log.debug("The sandbox of %s printed: %s", path.name, done.stderr)
        raise broken(path, "expected it to predict a film, but its network ended the process")


def carry_out(path: Path) -> None:
    """Predict with both networks and compare. Raises BundleError; a malicious file may crash it."""
    bundle = load_bundle(path.name, models_dir=path.parent, verify=False)
    _check_arrays(path)
    films = _films(bundle.size)
    fast = _by_graph(bundle, films)
    slow = _by_keras(bundle, films)
    difference = float(np.abs(fast - slow).max())
    if difference > TOLERANCE:
        raise broken(
            path,
            "expected openvino/model.xml and model.keras to be the same network; their "
            f"probabilities differ by {difference:.2g}",
        )


def _films(size: int) -> NDArray[np.float32]:
    """A normal and a bacterial synthetic film, float32 (2,size,size,1) in 0..255."""
    from pneumo_core.imaging.decode import resize
    from pneumo_core.synthetic.appearance import synthetic_film

    kinds = ("normal", "bacterial")
    films = [resize(synthetic_film(kind, seed), size) for seed, kind in enumerate(kinds)]
    return np.stack(films)[..., np.newaxis].astype(np.float32)


def _by_graph(bundle: Bundle, films: NDArray[np.float32]) -> NDArray[np.float64]:
    try:
        graph = Graph(bundle.path / "openvino" / "model.xml")
        logits, features = graph(films)
    except (RuntimeError, KeyError, IndexError) as error:
        raise broken(bundle.path, "openvino/model.xml cannot predict a film") from error
    found = logits.shape, graph.head_kernel.shape
    expected = (len(films), len(bundle.classes)), (features.shape[-1], len(bundle.classes))
    if features.ndim != 4 or found != expected:
        raise broken(
            bundle.path,
            f"expected logits {expected[0]} and a head {expected[1]} of openvino/model.xml, "
            f"got {found[0]} and {found[1]}",
        )
    return _finite_probabilities(bundle, logits, "openvino/model.xml")


def _by_keras(bundle: Bundle, films: NDArray[np.float32]) -> NDArray[np.float64]:
    """The Keras network, loaded in safe mode and run as a graph in full precision."""
    network = bundle.path / "model.keras"
    check_network(load_network(network), size=bundle.size, classes=len(bundle.classes))
    ov = openvino()
    with tempfile.TemporaryDirectory() as scratch:
        export(network, Path(scratch) / "draft.xml")
        hints = {"INFERENCE_PRECISION_HINT": "f32"}
        model = ov.Core().compile_model(Path(scratch) / "draft.xml", "CPU", hints)
        # One film at a time: exported without TensorFlow, some networks take no more.
        found = [value for film in films for value in model(film[np.newaxis]).to_tuple()]
        del model  # Windows cannot delete what is still mapped
    logits = np.concatenate([value for value in found if value.ndim == 2])
    return _finite_probabilities(bundle, logits, "model.keras")


def _finite_probabilities(
    bundle: Bundle, logits: NDArray[np.float32], file: str
) -> NDArray[np.float64]:
    if not np.isfinite(logits).all():
        raise broken(
            bundle.path, f"expected finite logits of {file} on a film, got NaN or infinity"
        )
    return bundle.probabilities(logits)


def _check_arrays(path: Path) -> None:
    """Raise BundleError unless every array of the weights is stored in the file itself.

    HDF5 can link to other files (CVE-2026-1669) and declare arrays that it does not store.
    """
    import h5py  # type: ignore[import-untyped]

    with zipfile.ZipFile(path / "model.keras") as archive:
        content = archive.read(WEIGHTS)

    def check(group: Any) -> int:
        n_bytes = 0
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise broken(path, f"model.keras: its weights point elsewhere at {name[:60]!r}")
            item = group[name]
            if isinstance(item, h5py.Group):
                n_bytes += check(item)
            elif item.external or item.is_virtual or item.dtype.kind not in "fiu":
                raise broken(path, f"model.keras: its weights have no plain array at {name[:60]!r}")
            else:
                n_bytes += item.nbytes
            if n_bytes > 2 * len(content):
                raise broken(path, "model.keras: its weights declare more data than the file holds")
        return n_bytes

    try:
        with h5py.File(io.BytesIO(content)) as weights:
            check(weights)
    except (OSError, KeyError, RuntimeError, RecursionError) as error:
        raise broken(path, "model.keras: its weights cannot be read") from error


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))


if __name__ == "__main__":
    _limit_memory()
    openvino()
    try:
        carry_out(Path(sys.argv[1]))
    except BundleError as fault:
        print(str(fault))  # noqa: T201 - what the parent reads
        sys.exit(1)
    print("read")  # noqa: T201
