"""From a film to a network's input, with and without a lung finder."""

import numpy as np
import pytest

from pneumo_core.bundle.card import Card
from pneumo_core.bundle.framing import Framing
from pneumo_core.errors import BundleError
from pneumo_core.imaging.lung_frame import WHOLE, LungFrame
from tests.lungs import NONE_FOUND, StubFinder


def films(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, side, side), np.uint8)


def test_the_whole_film_is_its_copy_at_the_networks_size() -> None:
    framing = Framing(64, None, None)
    assert (framing.side, framing.key, framing.facts()) == (64, "", {"size": 64})
    copies = films(2, 64)
    assert framing.inputs(copies) is copies
    assert framing.lungs(copies[0]) is None
    assert framing.masks(copies) is None
    assert framing.copy(films(1, 300)[0]).shape == (64, 64)


def test_a_lung_frame_takes_copies_of_224_pixels() -> None:
    framing = Framing(96, LungFrame(), StubFinder())
    copies = films(3, framing.side)
    assert copies.shape == (3, 224, 224)
    inputs = framing.inputs(copies)
    assert (inputs.shape, inputs.dtype) == ((3, 96, 96), np.uint8)
    np.testing.assert_array_equal(inputs[1], framing.input_of(copies[1]))
    np.testing.assert_array_equal(
        framing.inputs(copies, [WHOLE] * 3)[0], framing.input(copies[0], WHOLE)
    )
    assert framing.inputs(copies[:0]).shape == (0, 96, 96)
    masks = framing.masks(copies)
    assert masks is not None
    assert masks[0].mean() == pytest.approx(0.25, abs=0.02)


def test_a_film_without_lungs_is_seen_whole_and_has_no_mask() -> None:
    framing = Framing(96, LungFrame(), StubFinder(NONE_FOUND))
    copies = films(1, 224)
    assert framing.windows(copies) == [WHOLE]
    assert not framing.masks(copies).any()


def test_the_key_follows_frame_and_finder() -> None:
    keys = {
        Framing(96, frame, StubFinder(digest=digest)).key
        for frame in (LungFrame(), LungFrame(towards=1))
        for digest in ("a" * 16, "b" * 16)
    }
    assert len(keys) == 4


def test_a_lung_frame_without_a_finder_says_what_to_restore() -> None:
    with pytest.raises(BundleError, match=r"lung finder in models/lungs.*train-lungs IMAGES MASKS"):
        Framing(96, LungFrame(), None)


def test_the_card_holds_the_frame() -> None:
    facts = Framing(96, LungFrame(towards=0.25), StubFinder()).facts()
    assert facts["frame"]["finder"] == "0123456789ab"
    card = Card.from_document({"input": facts})
    assert card.frame == LungFrame(towards=0.25)
    assert Card.from_document({"input": {"size": 96}}).frame is None
