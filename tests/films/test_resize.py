"""Films made smaller and larger."""

import numpy as np

from pneumo_core.imaging.decode import read_film, resize
from tests.films.film_files import GREY


class TestResize:
    def test_stripes_become_their_mean(self):
        stripes = np.tile(np.array([0, 200], np.uint8), (600, 400))
        small = resize(stripes, 64)
        assert small.shape == (64, 64)
        assert small.dtype == np.uint8
        assert np.abs(small.astype(int) - 100).max() <= 8

    def test_enlarges(self):
        large = resize(np.array([[0, 100], [100, 200]], np.uint8), 8)
        assert large.shape == (8, 8)
        assert (large[0, 0], large[7, 7]) == (0, 200)
        assert (np.diff(large.astype(int), axis=1) >= 0).all()

    def test_the_same_size_is_the_same_film(self):
        square = GREY[:40, :40].copy()
        assert np.array_equal(resize(square, 40), square)

    def test_original_and_copy_of_a_real_film_agree(self, real_films):
        differences = []
        for original in sorted((real_films / "fullres").rglob("*.jpeg"))[::10]:
            copy = real_films / "chest_xray" / "train" / original.parent.name / original.name
            large, small = (resize(read_film(f).pixels, 224) for f in (original, copy))
            differences.append(np.abs(large.astype(int) - small).mean())
        assert max(differences) < 3.0  # measured: 2.1 on average, 2.9 at most
