"""The image check rejects what is clearly no radiograph, and no chest film however framed."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pneumo_core.bundle import Bundle
from pneumo_core.bundle.card import Card
from pneumo_core.bundle.feature_checks import ORIENTATIONS, Orientation, OutOfDistribution
from pneumo_core.errors import BundleError
from pneumo_core.imaging.decode import Film, SourceFacts, decode, read_film
from pneumo_core.imaging.lungs import NO_LUNGS
from pneumo_core.inference.input_checks import (
    NEGATIVE,
    NOT_UPRIGHT,
    OOD,
    OOD_ADVICE,
    TINTED,
    FeatureChecks,
    ImageCheck,
    check_film,
    check_lungs,
)
from pneumo_core.synthetic.appearance import synthetic_film
from tests import SHARED
from tests.lungs import NONE_FOUND, made_lungs

RNG = np.random.default_rng(0)


def film_of(pixels, chroma=0.0):
    pixels = np.ascontiguousarray(pixels, dtype=np.uint8)
    height, width = pixels.shape
    return Film(pixels, SourceFacts("PNG", width, height, 8, "grey", 0, "", chroma))


def framed(pixels, share, shade):
    edges = [(int(side * share),) * 2 for side in pixels.shape]
    return np.pad(pixels, edges, constant_values=shade)


def as_jpeg(pixels, quality):
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return decode(file.getvalue()).pixels


PERTURBATIONS = {
    "as it is": lambda film: film,
    "negative": lambda film: 255 - film,
    "black border": lambda film: framed(film, 0.3, 0),
    "white border": lambda film: framed(film, 0.15, 255),
    "grey border": lambda film: framed(film, 0.15, 128),
    "black border, JPEG": lambda film: as_jpeg(framed(film, 0.3, 0), 50),
    "strong compression": lambda film: as_jpeg(film, 25),
    "dark": lambda film: 255 * (film / 255) ** 2,
    "bright": lambda film: 255 * (film / 255) ** 0.5,
    "low contrast": lambda film: 60 + 0.5 * film,
    "noise": lambda film: np.clip(film + RNG.normal(0, 12, film.shape), 0, 255),
    "narrow": lambda film: film[:, 100:300],
    "small": lambda film: film[::8, ::8],
}


@pytest.mark.parametrize("subtype", ["normal", "bacterial", "viral"])
@pytest.mark.parametrize("perturbation", PERTURBATIONS)
def test_chest_films_pass(subtype, perturbation):
    film = PERTURBATIONS[perturbation](synthetic_film(subtype, 3, size=400))
    assert check_film(film_of(film)) == ImageCheck(ok=True, reasons=())


def page():
    image = Image.new("L", (420, 594), 255)
    draw = ImageDraw.Draw(image)
    for line in range(20, 570, 14):
        draw.text((30, line), "the patient was seen in the afternoon and sent home", fill=0)
    return np.array(image)


def screenshot():
    image = Image.new("L", (800, 600), 236)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 800, 30), fill=200)
    picture = Image.fromarray(synthetic_film("normal", 1, size=360))
    image.paste(picture, (40, 80))
    for line in range(80, 500, 16):
        draw.text((440, line), "Window   Level   Zoom", fill=20)
    return np.array(image)


def drawing():
    image = Image.new("L", (400, 400), 0)
    draw = ImageDraw.Draw(image)
    draw.ellipse((30, 10, 370, 390), fill=120)
    draw.ellipse((80, 80, 180, 300), fill=40)
    draw.ellipse((220, 80, 320, 300), fill=200)
    return np.array(image)


def night():
    stars = np.where(RNG.random((300, 300)) > 0.9, 200, 0)
    return stars + RNG.integers(0, 5, (300, 300))


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.full((300, 300), 128), "This image is blank"),
        (np.zeros((300, 300)), "This image is blank"),
        (100 + 10 * RNG.random((300, 300)), "This image is blank"),
        (page(), "This looks like a page: most of it is white."),
        (screenshot(), "This looks like a screenshot or a figure"),
        (drawing(), "This looks like a drawing: it has only 4 grey levels."),
        (night(), "This image is almost entirely black."),
        (RNG.integers(0, 256, (300, 300)), "This image is all fine detail"),
    ],
)
def test_what_is_no_radiograph_is_rejected_with_the_plainest_reason(pixels, reason):
    result = check_film(film_of(pixels))
    assert not result.ok
    assert len(result.reasons) == 1
    assert result.reasons[0].startswith(reason)
    assert result.reasons[0].endswith(
        ("Drop the original film instead.", "not a page or a screen that shows it.")
    )


@pytest.mark.parametrize(("chroma", "ok"), [(0.0, True), (0.02, True), (0.04, False), (1.0, False)])
def test_colour(chroma, ok):
    result = check_film(film_of(synthetic_film("normal", 1, size=300), chroma))
    assert result.ok is ok
    if not ok:
        assert result.reasons == (
            "This is a colour image, not a radiograph. Drop the original film instead.",
        )


def test_a_colour_photograph_from_its_file():
    y, x = np.mgrid[:200, :300]
    photograph = np.dstack([x % 256, y, 255 - x % 256]).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(photograph).save(file, "JPEG")
    assert "colour image" in check_film(decode(file.getvalue())).reasons[0]


@pytest.mark.parametrize(("width", "ok"), [(390, True), (400, False)])
def test_aspect(width, ok):
    film = np.array(Image.fromarray(synthetic_film("normal", 1)).resize((width, 100)))
    for turned in (film, film.T):
        result = check_film(film_of(turned))
        assert result.ok is ok
        assert ok or "4.0 times as long as wide" in result.reasons[0]


def test_every_kind_of_reason_is_given():
    result = check_film(film_of(np.zeros((50, 500)), chroma=1.0))
    assert len(result.reasons) == 3


def test_the_film_is_not_changed():
    pixels = synthetic_film("viral", 2, size=256)
    before = pixels.copy()
    pixels.setflags(write=False)
    check_film(film_of(pixels))
    assert np.array_equal(pixels, before)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data beside the project")
class TestRealFilms:
    def test_no_chest_film_is_rejected(self):
        train = sorted((SHARED / "chest_xray" / "train").rglob("*.jpeg"))[::40]
        full = sorted((SHARED / "fullres").rglob("*.jpeg"))[::6]
        rejected = {path.name for path in train + full if not check_film(read_film(path)).ok}
        assert rejected == set()

    def test_other_pictures(self):
        passed = set()
        for path in sorted((SHARED / "not_chest").iterdir()):
            result = check_film(read_film(path))
            if result.ok:
                passed.add(path.name.split("__")[0])
        # Grey pictures of other things: left to a gate that knows what a chest is.
        assert passed <= {
            *("brain_mri", "hand_xray", "medical_fundus", "microscopy", "photo_texture"),
            # Grey slices and side views look like radiographs: this check tells pictures apart, not
            # body parts.
            *("ultrasound", "chest_ct", "lateral_chest"),
        }


# Feature 0: what films have; 1 to 3: what sideways, upside-down and negative ones have.
HINTS = {
    1: "If it is a chest film that lies on its side, rotate it upright and read it again.",
    2: "If it is a chest film that is upside down, rotate it upright and read it again.",
    3: "If it is a chest film that is a negative, with dark bones and bright lungs, invert its "
    "grey levels and read it again.",
}


def test_a_film_without_lungs_is_rejected_in_words():
    found = check_lungs(ImageCheck(ok=True), made_lungs(100, 100, **NONE_FOUND))
    assert found == ImageCheck(ok=False, reasons=(NO_LUNGS,))


def test_without_a_finder_the_image_check_stands():
    for check in (ImageCheck(ok=True), ImageCheck(ok=False, reasons=("a page",))):
        assert check_lungs(check, None) is check


def test_a_tinted_scan_is_read_with_a_warning_where_lungs_are_found():
    check = check_film(film_of(synthetic_film("normal", 3, size=400), chroma=0.5))
    assert (check.ok, check.tinted) == (False, True)
    assert check_lungs(check, made_lungs(100, 100)) == ImageCheck(ok=True, reasons=(TINTED,))
    rejected = check_lungs(check, made_lungs(100, 100, **NONE_FOUND))
    assert not rejected.ok
    assert rejected.reasons == (*check.reasons, NO_LUNGS)


def test_colour_and_another_fault_is_not_a_tint():
    check = check_film(film_of(np.full((64, 64), 9, np.uint8), chroma=0.5))
    assert not check.tinted
    assert check_lungs(check, made_lungs(64, 64)) is check


def test_lungs_cut_off_by_the_edge_are_a_warning():
    found = check_lungs(ImageCheck(ok=True), made_lungs(100, 100, cut_off=("top", "left")))
    assert found.ok
    words = "the lungs are cut off at the top and the left edge of the film"
    assert found.reasons == (f"{words}; the part outside it is not assessed.",)


@pytest.mark.parametrize(
    ("quarters", "way"), [(1, "sideways"), (2, "upside down"), (3, "sideways")]
)
def test_lungs_that_lie_otherwise_say_how_the_film_lies(bundle, quarters, way):
    found = FeatureChecks(bundle, 4).check(features(3, 0, 0, 0), quarters=quarters)
    assert found == (way, (f"{NOT_UPRIGHT} {HINTS[ORIENTATIONS.index(way)]}",))


@pytest.mark.parametrize("quarters", [0, 1])
def test_lungs_on_the_inverse_alone_say_that_it_is_a_negative(bundle, quarters):
    checks = FeatureChecks(bundle, 4)
    found = checks.check(features(3, 0, 0, 0), quarters=quarters, negative=True)
    assert found == ("negative", (f"{NEGATIVE} {HINTS[3]}",))


def features(*values):
    """A feature map (2,2,4) whose mean is `values`."""
    return np.tile(np.float32(values), (2, 2, 1))


@pytest.fixture
def bundle(tmp_path):
    OutOfDistribution.save(np.eye(4, dtype="float32")[:1], tmp_path)
    Orientation.save(np.eye(4, 5, dtype="float32") * 9, tmp_path)
    card = {"familiarity": {"limit": 1.0}, "orientation": {"limit": 0.2}}
    return Bundle(name="b", path=tmp_path, card=Card.from_document(card), digest="")


def test_an_upright_film_passes(bundle):
    checks = FeatureChecks(bundle, 4)
    assert checks.complete
    assert checks.check(features(3, 0, 0, 0)) == ("upright", ())


@pytest.mark.parametrize(("way", "why"), [(1, NOT_UPRIGHT), (2, NOT_UPRIGHT), (3, NEGATIVE)])
def test_a_film_of_another_orientation_is_referred_with_advice(bundle, way, why):
    checks = FeatureChecks(bundle, 4)
    # 0.89 off the mean: familiar. Scores 5.4 and 7.2: P(upright) is 0.14.
    found = checks.check(features(*np.eye(4)[0] * 0.6 + np.eye(4)[way] * 0.8))
    assert found == (ORIENTATIONS[way], (f"{why} {HINTS[way]}",))
    assert checks.check(features(*np.eye(4)[way])) == (ORIENTATIONS[way], (f"{OOD} {HINTS[way]}",))


def test_an_image_out_of_distribution_is_referred(bundle):
    (bundle.path / "orientation.npy").unlink()
    assert FeatureChecks(bundle, 4).check(features(0, 1, 0, 0)) == ("upright", (OOD_ADVICE,))


def test_a_bundle_without_checks_refers_nothing(tmp_path):
    bundle = Bundle(name="b", path=tmp_path, card=Card.from_document({}), digest="")
    checks = FeatureChecks(bundle, 4)
    assert not checks.complete
    assert checks.check(features(0, 0, 0, 1)) == ("upright", ())


def test_files_of_another_network_are_refused_at_once(bundle):
    with pytest.raises(BundleError, match=r"expected 8 features in familiar\.npy.*found 4"):
        FeatureChecks(bundle, 8)
    (bundle.path / "familiar.npy").unlink()
    with pytest.raises(BundleError, match=r"expected 8 features in orientation\.npy.*found 4"):
        FeatureChecks(bundle, 8)
