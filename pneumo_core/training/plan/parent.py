"""The parent of a training: a bundle whose network it starts from, and the films that one knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle import Bundle, bundle_names, load_bundle
from pneumo_core.bundle.integrity import FILM_HASHES, FILMS
from pneumo_core.bundle.keras_network import load_network
from pneumo_core.bundle.provenance import DIGITS, read_film_roles
from pneumo_core.dataset.similarity import near_hashes, pack_hashes
from pneumo_core.errors import TrainingError

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd


def is_parent(weights: str, models_dir: Path | None = None) -> bool:
    """Whether `weights` name a model and no file."""
    plain = weights not in {"imagenet", "none"} and not Path(weights).is_file()
    return plain and weights in bundle_names(models_dir)


@dataclass(frozen=True)
class Parent:
    """A verified bundle to start from, and what of it a recipe follows."""

    bundle: Bundle
    backbone: str

    @property
    def lineage(self) -> dict[str, str]:
        """Name, version and digest, for the card and for a run that is resumed."""
        return {
            "name": self.bundle.name,
            "version": self.bundle.version,
            "digest": self.bundle.digest,
        }

    @property
    def digest(self) -> str:
        """Of the bundle, which changes when any of its files does."""
        return self.bundle.digest

    @property
    def title(self) -> str:
        """Name and version: "kermany-r50v2 1.0"."""
        return f"{self.bundle.name} {self.bundle.version}"

    @property
    def defaults(self) -> dict[str, Any]:
        """The recipe's choices that follow the parent's network unless a person says otherwise."""
        frame = "whole" if self.bundle.card.frame is None else "lungs"
        return {"backbone": self.backbone, "size": self.bundle.size, "frame": frame}

    def weights(self, classes: int) -> list[npt.NDArray[np.float32]]:
        """The network's arrays, its head for `classes` classes; loaded in safe mode.

        Raises BundleError where the network cannot be loaded.
        """
        network = load_network(self.bundle.path / "model.keras")
        *trunk, kernel, bias = network.get_weights()
        return [*trunk, *head_for(kernel, bias, classes)]


def head_for(
    kernel: npt.NDArray[np.float32], bias: npt.NDArray[np.float32], classes: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """A head (K, C) and (C,) turned into one of `classes` classes, normal first.

    Two pneumonias become one whose logit is their mean plus log 2, which is their sum where both
    are as likely; one becomes two that share its probability.
    """
    if kernel.shape[1] == classes:
        return kernel, bias
    if classes == 2:
        joined = kernel[:, 1:].mean(axis=1, keepdims=True)
        one = np.atleast_1d(bias[1:].mean() + np.log(kernel.shape[1] - 1))
        return np.hstack([kernel[:, :1], joined]), np.hstack([bias[:1], one]).astype("float32")
    parts = classes - 1
    several = np.repeat(bias[1:] - np.log(parts), parts)
    kernel = np.hstack([kernel[:, :1], np.repeat(kernel[:, 1:], parts, axis=1)])
    return kernel, np.hstack([bias[:1], several]).astype("float32")


def load_parent(name: str, models_dir: Path | None = None) -> Parent:
    """The model `name` as a parent, its hashes verified. Raises BundleError where it is altered,
    TrainingError where its card does not say which backbone it has.
    """
    bundle = load_bundle(name, models_dir=models_dir)
    backbone = str(bundle.card.document.get("training", {}).get("backbone", ""))
    if not backbone:
        raise TrainingError(
            f"Expected a model whose card names its backbone; that of {name} does not. Start from "
            "another model or weights file."
        )
    return Parent(bundle, backbone)


def check_same_parent(parent: Parent, begun: dict[str, str]) -> None:
    """Raise TrainingError where a run began from other files than the parent has now."""
    if begun and begun.get("digest") != parent.bundle.digest:
        raise TrainingError(
            f"Expected the model {parent.bundle.name} as it was when the run began; its files have "
            "changed since. Restore it, or start a new run."
        )


@dataclass(frozen=True, eq=False)
class ListedFilms:
    """A bundle's lists of films: roles by the first digits of the files' SHA-256, and roles by
    perceptual hash, `packed` as uint64 (N, 4). Empty where the bundle has none.
    """

    by_file: dict[str, str]
    packed: npt.NDArray[np.uint64]
    by_phash: tuple[str, ...]

    def role(self, sha256: str, phash: str) -> str:
        """The role of a film, of `provenance.ROLES`: by its file, else by its pixels; "" if new."""
        if role := self.by_file.get(sha256[:DIGITS], ""):
            return role
        near = (self.by_phash[row] for row in near_hashes(phash, self.packed))
        return "".join(sorted(set("".join(near))))


def listed_films(bundle: Bundle) -> ListedFilms:
    """The bundle's lists. Raises BundleError where one is damaged."""
    by_file, by_phash = (_roles(bundle, file) for file in (FILMS, FILM_HASHES))
    return ListedFilms(by_file, pack_hashes(list(by_phash)), tuple(by_phash.values()))


def known_films(parent: Parent, index: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Films of `index` (columns sha256, phash) that the parent learnt from or was chosen on,
    bool (N,): no figure of a network that starts from it may be taken on them.
    """
    listed = listed_films(parent.bundle)
    hashes = zip(index["sha256"], index["phash"], strict=True)
    return np.array([bool(listed.role(*each)) for each in hashes], dtype=np.bool_)


def with_roles_of(parent: Parent, file: str, own: dict[str, str]) -> dict[str, str]:
    """The films of a child in the list `file`, role by hash of 64 digits: its `own`, and those that
    its parent brings, whose files are known by their first DIGITS alone.
    """
    joined = {one.ljust(64, "0"): role for one, role in _roles(parent.bundle, file).items()}
    digits = DIGITS if file == FILMS else 64
    for one, role in own.items():
        known = one[:digits].ljust(64, "0")
        joined[known] = "".join(sorted({*role, *joined.get(known, "")}))
    return joined


def _roles(bundle: Bundle, file: str) -> dict[str, str]:
    path = bundle.path / file
    return read_film_roles(path) if path.is_file() else {}
