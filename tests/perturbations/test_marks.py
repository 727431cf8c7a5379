"""What is laid over a film or taken from it: frames, letters, collimators, painted lungs."""

import numpy as np
import pytest

from pneumo_core.perturbations import perturb
from tests.perturbations.example_films import flat, grainy_films


@pytest.mark.parametrize(
    ("name", "grey"), [("white frame", 255), ("black frame", 0), ("inverted frame", 55)]
)
def test_a_frame_covers_the_outermost_six_per_cent(name, grey):
    expected = flat(grey)
    expected[0, 6:-6, 6:-6] = 200
    np.testing.assert_array_equal(perturb(flat(200), name), expected)


def test_letters_and_lines_are_white_and_leave_the_lungs():
    black = np.zeros((20, 224, 224), np.uint8)
    letters, lines = perturb(black, "letter R or L"), perturb(black, "burned-in lines")
    for marked in (letters, lines):
        assert marked.max() == 255
        assert (marked.reshape(20, -1) > 0).any(axis=1).all()
        assert marked[:, 60:190, 50:174].max() == 0
    assert letters[:, 56:].max() == 0
    # Left and right, both letters: over 20 films each comes up.
    assert (letters[:, :, :112].max(axis=(1, 2)) > 0).sum() in range(3, 18)


def test_masked_markers_leave_a_cross():
    changed = perturb(flat(200), "markers masked")[0]
    assert (changed[:16, :16] == 0).all()
    assert (changed[-16:, -16:] == 0).all()
    assert (changed[:, 16:-16] == 200).all()
    assert (changed[16:-16] == 200).all()


def test_collimator_blades_are_black_and_shallow():
    changed = perturb(np.repeat(flat(200), 10, axis=0), "collimator edges")
    assert (changed[:, 10:-10, 10:-10] == 200).all()
    assert changed[:, :3].max() == 0
    assert changed[:, :, -3:].max() == 0


def test_a_tilted_collimator_leaves_wedges():
    changed = perturb(np.repeat(flat(200), 10, axis=0), "tilted collimator")
    assert (changed[:, 15:-15, 15:-15] == 200).all()
    for film in changed:
        assert film[0, 0] == film[0, -1] == film[-1, 0] == film[-1, -1] == 0
        # Deeper at one end of an edge than at the other.
        depth = (film == 0).argmin(axis=0)
        assert abs(int(depth[15]) - int(depth[-16])) >= 3


def test_dark_edges_are_cropped_where_there_are_any():
    film = flat(0)
    film[0, :, 12:-4] = np.linspace(100, 200, 84).astype(np.uint8)
    changed = perturb(film, "collimation cropped")[0]
    # The window ends on the last lit lines, to within a fraction of a pixel.
    assert (changed[:, 0] >= 85).all()
    assert (changed[:, -1] >= 190).all()
    assert (changed[:, 1:-1] >= 100).all()
    np.testing.assert_array_equal(perturb(flat(150), "collimation cropped"), flat(150))


def test_at_most_a_fifth_is_cropped_from_a_side():
    film = flat(0)
    film[0, 60:] = 200
    changed = perturb(film, "collimation cropped")[0]
    # 40 dark rows of 80 remain.
    assert (changed == 0).mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("name", "grey"), [("lungs black", 0), ("lungs grey", 123)])
def test_the_lungs_are_painted_over_in_one_shade(name, grey):
    changed = perturb(flat(200, 224), name)[0]
    hidden = changed == grey
    assert set(np.unique(changed)) == {grey, 200}
    assert 0.8 < hidden.mean() < 0.86
    # Apices and costophrenic angles too, as they lie on tightly cropped films.
    for row, column in ((0.08, 0.25), (0.08, 0.75), (0.9, 0.1), (0.9, 0.9), (0.5, 0.03)):
        assert hidden[round(row * 224), round(column * 224)]


def test_the_border_alone_is_a_ring():
    films = grainy_films()
    changed = perturb(films, "border alone")
    np.testing.assert_array_equal(changed[:, :4], films[:, :4])
    np.testing.assert_array_equal(changed[:, :, -4:], films[:, :, -4:])
    assert changed[:, 4:-4, 4:-4].max() == 0


def _mask():
    mask = np.zeros((1, 80, 80), bool)
    mask[0, 20:60, 10:30] = mask[0, 20:60, 50:70] = True
    return mask


@pytest.mark.parametrize(("name", "grey"), [("lungs black", 0), ("lungs grey", 123)])
def test_known_lungs_are_painted_over_exactly(name, grey):
    changed = perturb(flat(200, 80), name, lungs=_mask())
    np.testing.assert_array_equal(changed == grey, _mask())


def test_lungs_only_and_what_lies_round_them():
    only = perturb(flat(200, 80), "lungs only", lungs=_mask())
    np.testing.assert_array_equal(only == 200, _mask())
    border = perturb(flat(200, 80), "border alone", lungs=_mask())[0]
    assert border[20:60, 10:70].max() == 0  # the box round both
    assert (border == 200).mean() == pytest.approx(1 - 40 * 60 / 80**2)


def test_a_film_whose_lungs_are_not_known_is_painted_where_they_usually_lie():
    nothing = np.zeros((1, 80, 80), bool)
    for name in ("lungs black", "lungs only"):
        np.testing.assert_array_equal(
            perturb(flat(200, 80), name, lungs=nothing), perturb(flat(200, 80), name)
        )
