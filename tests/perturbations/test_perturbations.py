import numpy as np
import pytest

from pneumo_core.perturbations import ABOUT, PERTURBATIONS, perturb
from tests.perturbations.example_films import flat, grainy_films

LUNGLESS = {"lungs black", "lungs grey", "border alone"}
RANDOM = {"noise 3 %", "noise 6 %", "letter R or L", "burned-in lines", "collimator edges"}


@pytest.fixture(scope="module")
def films():
    return grainy_films()


def test_the_table_says_what_each_perturbation_is():
    families = {"framing", "stretch", "turn", "compression", "sharpness", "exposure", "marks"}
    assert {one.family for one in PERTURBATIONS.values()} == families | {"anatomy"}
    assert {name for name, one in PERTURBATIONS.items() if not one.keeps_lungs} == LUNGLESS
    for name, one in PERTURBATIONS.items():
        assert one.name == name
        assert one.words[0].isupper()
        assert one.words.endswith(".")
        assert ABOUT[name] == {
            "family": one.family,
            "words": one.words,
            "keeps_lungs": one.keeps_lungs,
        }


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_a_perturbation_is_pure_repeatable_and_independent_of_batches(name, films):
    before = films.copy()
    changed = perturb(films, name)
    np.testing.assert_array_equal(films, before)
    assert changed.shape == films.shape
    assert changed.dtype == np.uint8
    assert not np.shares_memory(changed, films)
    assert (changed != films).any(axis=(1, 2)).all()
    pieces = [perturb(films[:1], name), perturb(films[1:], name, first=1)]
    np.testing.assert_array_equal(np.concatenate(pieces), changed)


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_what_is_random_differs_from_film_to_film_and_with_the_seed(name):
    same = np.repeat(flat(100), 3, axis=0)
    changed = perturb(same, name)
    assert (changed[0] != changed[1]).any()
    assert (perturb(same, name, seed=1) != changed).any()


@pytest.mark.parametrize("name", sorted(set(PERTURBATIONS) - RANDOM - {"tilted collimator"}))
def test_what_is_not_random_is_the_same_for_every_film_and_seed(name, films):
    changed = perturb(np.repeat(films[:1], 2, axis=0), name, seed=1)
    np.testing.assert_array_equal(changed[0], changed[1])
    np.testing.assert_array_equal(changed[:1], perturb(films[:1], name))


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="Expected the name of a perturbation, got 'fog'"):
        perturb(flat(0), "fog")


@pytest.mark.parametrize(
    "films", [np.zeros((64, 64), np.uint8), np.zeros((1, 64, 32), np.uint8), np.zeros((1, 8, 8))]
)
def test_other_arrays_are_refused(films):
    with pytest.raises(ValueError, match=r"Expected films uint8 \(N,S,S\), got"):
        perturb(films, "darker")


def test_no_film_gives_no_film():
    assert perturb(np.zeros((0, 64, 64), np.uint8), "blur 1 px").shape == (0, 64, 64)


@pytest.mark.parametrize(
    ("name", "grey", "expected"),
    [
        ("darker", 100, 69),
        ("darker", 20, 0),
        ("brighter", 100, 131),
        ("brighter", 240, 255),
        ("gamma 0.7", 64, 97),
        ("gamma 1.4", 64, 37),
        ("contrast × 0.7", 64, 64),
    ],
)
def test_exposure_of_a_flat_film(name, grey, expected):
    np.testing.assert_array_equal(perturb(flat(grey), name), flat(expected))


def test_contrast_turns_about_the_mean():
    film = np.repeat(np.array([50, 150], np.uint8), 32)[np.newaxis, :, np.newaxis]
    film = np.tile(film, (1, 1, 64))
    assert set(np.unique(perturb(film, "contrast × 1.4"))) == {30, 170}
    assert set(np.unique(perturb(film, "contrast × 0.7"))) == {65, 135}


def test_a_crop_enlarges_what_is_in_the_middle():
    film = flat(0)
    film[0, 30:70, 30:70] = 200
    shares = {name: (perturb(film, f"centre crop {name} %") > 100).mean() for name in (90, 80, 70)}
    for kept, share in shares.items():
        assert share == pytest.approx((40 / kept) ** 2, abs=0.02)


@pytest.mark.parametrize(("name", "grey"), [("black margin", 0), ("grey margin", 128)])
def test_a_margin_shows_the_whole_film_smaller(name, grey):
    changed = perturb(flat(200), name)[0]
    # 10 of 120 pixels are margin, on a film of 100 a little over 8.
    assert (changed[:8] == grey).all()
    assert (changed[:, -8:] == grey).all()
    assert (changed[9:91, 9:91] == 200).all()


def test_a_body_margin_goes_on_where_the_film_ends():
    film = flat(40)
    film[0, :, 50:] = 160
    changed = perturb(film, "body margin")[0]
    assert (changed[:, :30] == 40).all()
    assert (changed[:, -30:] == 160).all()


@pytest.mark.parametrize(
    ("where", "row", "column"),
    [("left", 50, 42), ("right", 50, 58), ("up", 42, 50), ("down", 58, 50)],
)
def test_a_shift_moves_the_film_and_leaves_black(where, row, column):
    film = flat(60)
    film[0, 49:52, 49:52] = 255
    changed = perturb(film, f"shift {where} 8 %")[0]
    brightest = np.argwhere(changed > 200).mean(axis=0)
    np.testing.assert_allclose(brightest, (row, column), atol=0.6)
    edge = {"left": changed[:, -7:], "right": changed[:, :7]}
    edge |= {"up": changed[-7:], "down": changed[:7]}
    assert (edge[where] == 0).all()


@pytest.mark.parametrize(
    ("name", "aspect"),
    [
        ("aspect 0.75, cropped", 0.75),
        ("aspect 0.75, padded", 0.75),
        ("aspect 1.33, cropped", 4 / 3),
        ("aspect 1.33, padded", 4 / 3),
    ],
)
def test_a_stretch_gives_the_aspect_in_its_name(name, aspect):
    film = flat(0, 200)
    film[0, 80:120, 80:120] = 255
    bright = perturb(film, name)[0] > 128
    width, height = bright.any(axis=0).sum(), bright.any(axis=1).sum()
    assert width / height == pytest.approx(aspect, abs=0.04)
    assert max(width, height) == pytest.approx(40 if "padded" in name else 40 * 4 / 3, abs=2)


@pytest.mark.parametrize(("where", "rises"), [("left", True), ("right", False)])
def test_a_turn_to_the_left_lifts_what_is_on_the_right(where, rises):
    film = flat(0, 201)
    film[0, 98:103, 158:163] = 255
    row, column = np.argwhere(perturb(film, f"turn {where} 10°")[0] > 128).mean(axis=0)
    angle = np.degrees(np.arctan2(100 - row, column - 100))
    assert angle == pytest.approx(10 if rises else -10, abs=0.5)


def difference(films, name):
    return np.abs(perturb(films, name).astype(int) - films).mean()


@pytest.mark.parametrize(
    "names",
    [
        ("JPEG quality 95", "JPEG quality 75", "JPEG quality 50", "JPEG quality 20"),
        ("detail 71 %", "detail 50 %"),
        ("blur 1 px", "blur 2 px"),
        ("noise 3 %", "noise 6 %"),
    ],
)
def test_the_stronger_changes_more(names, films):
    # Blur and grain are meant for a film of 224 pixels.
    large = films.repeat(4, axis=1).repeat(4, axis=2)
    changes = [difference(large, name) for name in names]
    assert changes == sorted(set(changes))


@pytest.mark.parametrize("name", ["half size, JPEG quality 50", "double size, JPEG quality 20"])
def test_a_film_stored_at_another_size_comes_back_in_place(name, films):
    smooth = np.repeat(films.mean(axis=0, keepdims=True).astype(np.uint8), 4, axis=1)
    assert difference(smooth.repeat(4, axis=2), name) < 6


def test_sharpening_overshoots_at_an_edge_alone():
    film = flat(80)
    film[0, :, 50:] = 160
    changed = perturb(film, "sharpened")[0]
    assert changed.min() < 60
    assert changed.max() > 180
    assert (changed[:, :40] == 80).all()
    assert (changed[:, 60:] == 160).all()


@pytest.mark.parametrize(("name", "share"), [("noise 3 %", 0.03), ("noise 6 %", 0.06)])
def test_noise_has_the_strength_in_its_name(name, share):
    noise = perturb(flat(128, 224), name).astype(float) - 128
    assert noise.std() == pytest.approx(share * 255, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.2)
