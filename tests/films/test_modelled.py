import cv2
import numpy as np
import pytest

from pneumo_core.synthetic.appearance import SUBTYPES, modelled_film


def small(subtype, child, exposure):
    film = modelled_film(subtype, child=(child,), exposure=(exposure,))
    return cv2.resize(film, (48, 48), interpolation=cv2.INTER_AREA).astype(float)


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_a_child_and_an_exposure_are_a_film(subtype):
    film = modelled_film(subtype, child=(1, 2), exposure=(3,))
    assert film.shape == (480, 600)
    assert film.dtype == np.uint8
    assert film.std() > 25
    np.testing.assert_array_equal(film, modelled_film(subtype, child=(1, 2), exposure=(3,)))


def test_films_of_one_child_are_more_alike_than_those_of_two():
    def apart(first, second):
        """1 - correlation of the films, small: form, whatever the exposure."""
        return (
            1 - np.corrcoef(small("viral", *first).ravel(), small("viral", *second).ravel())[0, 1]
        )

    same = [apart((child, 1), (child, 2)) for child in range(8)]
    other = [apart((child, 1), (child + 1, 1)) for child in range(8)]
    assert min(same) > 0
    assert np.median(same) < 0.7 * np.median(other)


def test_lungs_are_darker_than_the_spine_between_them():
    mean = np.mean([small("normal", child, child) for child in range(12)], axis=0)
    right_lung, left_lung, spine = mean[20, 12], mean[20, 36], mean[20, 24]
    assert max(right_lung, left_lung) + 30 < spine
