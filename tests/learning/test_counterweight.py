import numpy as np

from pneumo_core.learning.counterweight import NO_COUNTERWEIGHT, Counterweight, without_lungs

NORMAL, VIRAL = np.eye(3, dtype="float32")[[0, 2]]


def lines(axis):
    """A film of 64 px whose stripes run across `axis`, brighter with every pixel."""
    ramp = np.arange(64, dtype="uint8") * 3
    film = np.broadcast_to(ramp[:, None] if axis == 0 else ramp, (64, 64))
    return np.ascontiguousarray(film)


def applied(weight, film, target):
    films, targets = np.stack([film] * 8), np.stack([target] * 8)
    return weight.apply(films, targets, np.random.default_rng(0))


def test_normal_films_lose_height_and_the_others_width():
    framed = Counterweight(framing=1.0, blank_lungs=0.0)
    for target, cropped, kept in ((NORMAL, 0, 1), (VIRAL, 1, 0)):
        films, targets = applied(framed, lines(cropped), target)
        spread = np.ptp(films.astype(int), axis=(1, 2))
        assert spread.max() < 63 * 3
        np.testing.assert_array_equal(targets, np.stack([target] * 8))
        films, _ = applied(framed, lines(kept), target)
        np.testing.assert_allclose(films.astype(int), np.stack([lines(kept)] * 8), atol=1)


def test_without_lungs_nothing_is_known():
    films, targets = applied(Counterweight(framing=0.0, blank_lungs=1.0), lines(0), VIRAL)
    np.testing.assert_allclose(targets, 1 / 3)
    # Both lung fields are one shade: the middles of the left and of the right half.
    assert np.ptp(films[:, 28:36, [18, 46]].reshape(8, -1), axis=1).max() == 0


def test_the_spine_and_the_corners_stay():
    film = lines(0)
    out = without_lungs(film, np.random.default_rng(3))
    np.testing.assert_array_equal(out[[0, -1]], film[[0, -1]])


def test_no_counterweight_changes_nothing_and_arguments_are_never_changed():
    films, targets = applied(NO_COUNTERWEIGHT, lines(1), NORMAL)
    np.testing.assert_array_equal(films[0], lines(1))
    np.testing.assert_array_equal(targets[0], NORMAL)
    source = np.stack([lines(1)] * 4)
    Counterweight(framing=1.0, blank_lungs=1.0).apply(
        source, np.stack([NORMAL] * 4), np.random.default_rng(0)
    )
    np.testing.assert_array_equal(source[0], lines(1))
