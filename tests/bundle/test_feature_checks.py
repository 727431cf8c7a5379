import numpy as np
import pytest

from pneumo_core.bundle import Bundle
from pneumo_core.bundle.card import Card
from pneumo_core.bundle.feature_checks import Orientation, OutOfDistribution
from pneumo_core.errors import BundleError


def test_the_distance_is_off_the_subspace_whatever_the_length():
    # Around the mean (0.6, 0, 0, 0) films vary along the second axis.
    known = OutOfDistribution(np.array([[0.6, 0, 0, 0], [0, 1, 0, 0]], "float32"), limit=0.5)
    features = np.array(
        [[3, 4, 0, 0], [0.3, -0.4, 0, 0], [5, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0]], "float32"
    )
    expected = [0, 0, 0.4, np.sqrt(0.36 + 1), 0.6]
    np.testing.assert_allclose(known.distances(features), expected, atol=1e-6)


def bundle_in(path, **card):
    return Bundle(name="b", path=path, card=Card.from_document(card), digest="")


def test_what_was_saved_is_loaded_in_half_precision(tmp_path):
    subspace = np.random.default_rng(0).random((4, 8)).astype("float32")
    OutOfDistribution.save(subspace, tmp_path)
    found = OutOfDistribution.load(bundle_in(tmp_path, familiarity={"limit": 0.1}))
    assert found.limit == 0.1
    np.testing.assert_allclose(found.array, subspace, atol=1e-3)
    OutOfDistribution.inspect(tmp_path)


def test_a_bundle_without_the_file_knows_no_stranger(tmp_path):
    assert OutOfDistribution.load(bundle_in(tmp_path)) is None
    assert OutOfDistribution.load(bundle_in(tmp_path, familiarity={"limit": 0.1})) is None


def test_a_damaged_file_is_told(tmp_path):
    (tmp_path / "familiar.npy").write_bytes(b"no numbers")
    with pytest.raises(BundleError, match=r"expected a subspace of features in familiar\.npy"):
        OutOfDistribution.load(bundle_in(tmp_path, familiarity={"limit": 0.1}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros(3, "float16"), r"float16 \(3,\)"),
        (np.zeros((2, 2)), "float64"),
        (np.full((2, 2), np.nan, "float16"), "not finite"),
        (np.array([[object()]]), "no array of numbers"),
    ],
)
def test_a_strangers_file_is_judged(tmp_path, content, message):
    np.save(tmp_path / "familiar.npy", content, allow_pickle=True)
    with pytest.raises(BundleError, match=message):
        OutOfDistribution.inspect(tmp_path)


def test_the_likeliest_way_counts_once_upright_falls_below_the_limit():
    # Scores of a feature vector (1, 0): ln 3 for upright, 0 for the others; of (0, 1) ln 4 for
    # "upside down".
    weights = np.array([[np.log(3), 0, 0], [0, 0, 0], [0, np.log(4), 0], [0, 0, 0]], "float32")
    features = np.array([[5, 0], [0, 0.1]], "float32")
    for limit, ways in ((0.1, ["upright", "upright"]), (0.2, ["upright", "upside down"])):
        known = Orientation(weights, limit)
        expected = [[3 / 6, 1 / 6, 1 / 6, 1 / 6], [1 / 7, 1 / 7, 4 / 7, 1 / 7]]
        np.testing.assert_allclose(known.probabilities(features), expected, rtol=1e-6)
        assert known.classify(features) == ways


def test_the_bias_counts_and_no_feature_is_no_fault():
    known = Orientation(np.array([[0, 0], [0, 0], [0, 0], [0, 2]], "float32"), 0.2)
    expected = np.array([1, 1, 1, np.exp(2)]) / (3 + np.exp(2))
    np.testing.assert_allclose(known.probabilities(np.zeros((1, 1), "float32"))[0], expected)
    assert known.classify(np.zeros((1, 1), "float32")) == ["negative"]


def test_what_was_saved_is_loaded(tmp_path):
    weights = np.random.default_rng(0).normal(size=(4, 9)).astype("float32")
    Orientation.save(weights, tmp_path)
    found = Orientation.load(bundle_in(tmp_path, orientation={"limit": 0.2}))
    assert found.limit == 0.2
    np.testing.assert_array_equal(found.array, weights)
    Orientation.inspect(tmp_path)


def test_a_bundle_without_the_file_takes_every_film_as_it_lies(tmp_path):
    assert Orientation.load(bundle_in(tmp_path)) is None
    assert Orientation.load(bundle_in(tmp_path, orientation={"limit": 0.2})) is None


def test_a_damaged_orientation_file_is_told(tmp_path):
    (tmp_path / "orientation.npy").write_bytes(b"no numbers")
    with pytest.raises(BundleError, match=r"expected a linear classifier in orientation\.npy"):
        Orientation.load(bundle_in(tmp_path, orientation={"limit": 0.2}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((3, 9), "float32"), r"float32 \(3, 9\)"),
        (np.zeros((4, 9)), "float64"),
        (np.full((4, 9), np.inf, "float32"), "not finite"),
        (np.array([[object()]]), "no array of numbers"),
    ],
)
def test_a_strangers_orientation_file_is_judged(tmp_path, content, message):
    np.save(tmp_path / "orientation.npy", content, allow_pickle=True)
    with pytest.raises(BundleError, match=message):
        Orientation.inspect(tmp_path)
