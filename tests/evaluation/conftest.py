"""What several tests of the review share."""

import pytest

from pneumo_core.bundle import Bundle
from pneumo_core.bundle.card import Card
from tests.evaluation.report.reports import make_report


@pytest.fixture
def paper_bundle():
    """Makes a bundle that lies on disk with its card and predictions, and without a network."""

    def make(folder, card, predictions, name="paper"):
        path = folder / name
        path.mkdir(parents=True)
        predictions.to_csv(path / "predictions.csv", index=False, float_format="%.6f")
        card = {"format": 1, "name": name, "version": "1.0", **card}
        return Bundle(name=name, path=path, card=Card.from_document(card), digest="d1" * 32)

    return make


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Bundle, predictions and report of a model whose card tries to be more than text."""
    return make_report(tmp_path_factory.mktemp("models"))
