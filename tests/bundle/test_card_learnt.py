"""How many films a model learnt from, and whose figures its card has."""

import pytest

from pneumo_core.bundle.provenance import films_learnt_from, learnt_from

OWN = (
    "It learnt from 80 films. Its figures are its own on 20 other films, of patients that it did "
    "not learn from."
)
THOSE = (
    "It learnt from all {} films. Its figures are those of {} of the same recipe on {} of these "
    "films, each read by a network that did not learn from its patient."
)


def card(films=100, held_out=20, **training):
    return {"data": {"films": films, "validation_films": held_out}, "training": training}


@pytest.mark.parametrize(
    ("of", "learnt", "words"),
    [
        (
            card(folds=1),
            80,
            OWN,
        ),
        (
            card(5216, 3130, folds=5, measured_folds=3),
            5216,
            THOSE.format("5,216", "3 other networks", "3,130"),
        ),
        (
            card(5216, 5216, folds=5, measured_folds=0),
            5216,
            THOSE.format("5,216", "5 other networks", "5,216"),
        ),
        (
            card(100, 20, folds=5, measured_folds=1),
            100,
            THOSE.format("100", "another network", "20"),
        ),
        (card(100, None, folds=5), 100, "It learnt from all 100 films."),
        (card(100, None, folds=1), None, ""),
        (card(), None, ""),
        (card("many", folds=1), None, ""),
        ({}, None, ""),
    ],
)
def test_a_sentence_says_what_it_learnt_from_and_which_networks_were_measured(of, learnt, words):
    assert films_learnt_from(of) == learnt
    assert learnt_from(of) == words
