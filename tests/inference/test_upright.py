"""A film that is not upright is rotated until its reader takes it for upright."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from pneumo_core.bundle.feature_checks import ORIENTATIONS, UPRIGHT
from pneumo_core.imaging.film import Film, SourceFacts
from pneumo_core.inference.predict import CORRECTIONS, Reading, read_upright

FACTS = SourceFacts("PNG", 3, 2, 8, "grey", 0, "", 0.0, ("16 bits",))
UP = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
BLANK = Reading("ok", "", "b 1.0", 0.2, 0.8)


@dataclass
class Reader:
    """Takes `knows` for upright, and nothing else."""

    knows: np.ndarray
    asked: list = field(default_factory=list)

    def read(self, film: Film) -> Reading:
        self.asked.append(film)
        same = np.array_equal(film.pixels, self.knows)
        return replace(BLANK, gate_ok=same, pixels=film.pixels, facts=film.facts)


@pytest.mark.parametrize(
    ("orientation", "pixels", "note"),
    [
        ("sideways", np.rot90(UP), "rotated 90° clockwise"),
        ("sideways", np.rot90(UP, -1), "rotated 90° counterclockwise"),
        ("upside down", UP[::-1, ::-1], "rotated 180°"),
        ("negative", 255 - UP, "grey levels inverted"),
    ],
)
def test_a_film_is_set_right_and_the_notes_say_how(orientation, pixels, note):
    reader = Reader(knows=UP)
    reading = read_upright(reader, Film(pixels, FACTS), orientation)
    assert reading.gate_ok
    np.testing.assert_array_equal(reading.pixels, UP)
    assert reading.facts.notes == ("16 bits", note)
    size = (2, 3) if orientation == "sideways" else (3, 2)
    assert (reading.facts.width, reading.facts.height) == size
    assert all(film.pixels.flags.c_contiguous for film in reader.asked)


def test_where_no_way_helps_the_first_is_taken():
    reading = read_upright(Reader(knows=UP[:1]), Film(np.rot90(UP), FACTS), "sideways")
    assert not reading.gate_ok
    assert reading.facts.notes[-1] == "rotated 90° clockwise"


def test_every_way_that_is_not_upright_has_its_remedy():
    assert set(CORRECTIONS) == set(ORIENTATIONS) - {UPRIGHT}
