"""What is doubted of a picture, by the features its network saw."""

import numpy as np
import pytest

from pneumo_core.bundle import Bundle
from pneumo_core.bundle.feature_checks import WAYS, save_familiarity, save_orientation
from pneumo_core.errors import BundleError
from pneumo_core.inference.input_checks import INVERTED, STRANGE, TURNED, UNFAMILIAR, Doubts

# Feature 0: what films have; 1 to 3: what sideways, upside-down and negative ones have.
HINTS = {
    1: "If it is a chest film that lies on its side, turn it upright and read it again.",
    2: "If it is a chest film that is upside down, turn it upright and read it again.",
    3: "If it is a chest film that is a negative, with dark bones and bright lungs, invert its "
    "greys and read it again.",
}


def features(*values):
    """A feature map (2,2,4) whose mean is `values`."""
    return np.tile(np.float32(values), (2, 2, 1))


@pytest.fixture
def bundle(tmp_path):
    save_familiarity(np.eye(4, dtype="float32")[:1], tmp_path / "familiar.npy")
    save_orientation(np.eye(4, 5, dtype="float32") * 9, tmp_path / "orientation.npy")
    card = {"familiarity": {"limit": 1.0}, "orientation": {"limit": 0.2}}
    return Bundle(name="b", path=tmp_path, card=card, digest="")


def test_an_upright_film_raises_no_doubt(bundle):
    doubts = Doubts(bundle, 4)
    assert doubts.knows_films
    assert doubts.about(features(3, 0, 0, 0)) == ("upright", ())


@pytest.mark.parametrize(("way", "why"), [(1, TURNED), (2, TURNED), (3, INVERTED)])
def test_a_film_that_lies_otherwise_is_told_what_to_do(bundle, way, why):
    doubts = Doubts(bundle, 4)
    # 0.89 off the mean: familiar. Scores 5.4 and 7.2: P(upright) is 0.14.
    found = doubts.about(features(*np.eye(4)[0] * 0.6 + np.eye(4)[way] * 0.8))
    assert found == (WAYS[way], (f"{why} {HINTS[way]}",))
    assert doubts.about(features(*np.eye(4)[way])) == (WAYS[way], (f"{STRANGE} {HINTS[way]}",))


def test_a_strange_picture_that_lies_no_way_in_particular(bundle):
    (bundle.path / "orientation.npy").unlink()
    assert Doubts(bundle, 4).about(features(0, 1, 0, 0)) == ("upright", (UNFAMILIAR,))


def test_a_bundle_without_both_doubts_nothing(tmp_path):
    bundle = Bundle(name="b", path=tmp_path, card={}, digest="")
    doubts = Doubts(bundle, 4)
    assert not doubts.knows_films
    assert doubts.about(features(0, 0, 0, 1)) == ("upright", ())


def test_files_of_another_network_are_refused_at_once(bundle):
    with pytest.raises(BundleError, match=r"expected 8 features in familiar\.npy.*found 4"):
        Doubts(bundle, 8)
    (bundle.path / "familiar.npy").unlink()
    with pytest.raises(BundleError, match=r"expected 8 features in orientation\.npy.*found 4"):
        Doubts(bundle, 8)
