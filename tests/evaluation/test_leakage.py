from dataclasses import replace

import pandas as pd
import pytest

from pneumo_core.bundle import Bundle
from pneumo_core.bundle.card import Card
from pneumo_core.evaluation.evidence_level import evidence_level
from pneumo_core.evaluation.leakage import film_roles, select_films


@pytest.fixture
def bundle(tmp_path):
    """A bundle validated on four films; its card says how many it was trained on in all."""
    films = ["train/NORMAL/a.png", "train/NORMAL/b.png", "train/PNEUMONIA/c.png"]
    films.append("train/PNEUMONIA/d.png")
    table_of(films).to_csv(tmp_path / "predictions.csv", index=False)
    return Bundle(
        name="b", path=tmp_path, card=Card.from_document({"data": {"films": 20}}), digest=""
    )


def table_of(films):
    label = ["normal" if "NORMAL" in film else "pneumonia" for film in films]
    return pd.DataFrame({"film": films, "label": label})


FILMS = table_of(
    [
        "chest_xray/train/NORMAL/a.png",
        "chest_xray/train/NORMAL/x.png",
        "chest_xray/train/PNEUMONIA/c.png",
        "chest_xray/train/PNEUMONIA/a.png",
        "chest_xray/test/PNEUMONIA/d.png",
    ]
)


def test_films_of_the_validation_wherever_the_data_set_lies(bundle):
    found = select_films(bundle, FILMS)
    # Not the pneumonia called a, nor the test film called d.
    assert found.rows.tolist() == [0, 2]
    assert found.held_out
    assert found.words == (
        "2 films of the model's own validation: it was not trained on these patients."
    )


def test_the_others_where_the_network_was_trained_on_all_it_predicted(bundle):
    found = select_films(replace(bundle, card=Card.from_document({"data": {"films": 4}})), FILMS)
    assert found.rows.tolist() == [1, 3, 4]
    assert found.held_out
    assert found.words == "3 films, not used for training, by file name."


def test_films_the_model_was_trained_on_flatter_it(bundle):
    found = select_films(
        replace(bundle, card=Card.from_document({"data": {"films": 4}})), FILMS.iloc[[0, 2]]
    )
    assert found.rows.tolist() == [0, 1]
    assert not found.held_out
    assert found.words == ("2 films, all of them used for training: these figures are too high.")


def test_films_of_another_place_may_have_been_trained_on(bundle):
    found = select_films(bundle, FILMS.iloc[[1, 4]])
    assert found.rows.tolist() == [0, 1]
    assert not found.held_out
    assert found.words == (
        "2 films, none of them in the model's validation. If some were used for training, these "
        "figures are too high."
    )


def test_a_card_without_a_count_is_taken_as_validated_on_a_part(bundle):
    assert select_films(replace(bundle, card=Card.from_document({})), FILMS).rows.tolist() == [0, 2]


def test_a_limit_draws_the_same_films_of_each_class(bundle):
    films = table_of([f"NORMAL/{n}.png" for n in range(9)] + [f"PNEUMONIA/{n}.png" for n in "12"])
    found = select_films(bundle, films, limit=3)
    assert sum(found.rows < 9) == 3
    assert found.rows.tolist()[3:] == [9, 10]
    assert found.rows.tolist() == select_films(bundle, films, limit=3).rows.tolist()
    assert found.words.startswith("5 films (random sample of at most 3 of each class), none of")


def test_the_selection_and_the_evidence_level_agree_without_a_list_of_films(bundle):
    """Six of eight films have predictions, of a network trained on these six in the end."""
    films = [f"train/{label}/{n}.png" for n in range(4) for label in ("NORMAL", "PNEUMONIA")]
    table = table_of(films).assign(split="train")
    table[:6].to_csv(bundle.path / "predictions.csv", index=False)
    bundle = replace(bundle, card=Card.from_document({"data": {"films": 6}}))
    found = select_films(bundle, table)
    assert (found.rows.tolist(), found.held_out) == ([6, 7], True)
    assert film_roles(bundle, table).trained.tolist() == [True] * 6 + [False] * 2
    assert evidence_level(bundle, table, split="train").words.startswith(
        "6 of 8 films were used for training"
    )


@pytest.mark.parametrize(
    ("roles", "rows", "held_out", "words"),
    [
        (["t", "v", "v", ""], [1, 2], True, "of the model's own validation"),
        (["t", "tv", "", ""], [2, 3], True, "none of them used to train or calibrate"),
        (["tv", "tv", "t", "t"], [0, 1, 2, 3], False, "these figures are too high"),
    ],
)
def test_hashes_tell_where_the_bundle_lists_its_films(bundle, *, roles, rows, held_out, words):
    hashes = [f"{number}" * 64 for number in range(4)]
    lines = [f"{full[:16]} {role}\n" for full, role in zip(hashes, roles, strict=True) if role]
    (bundle.path / "films.sha256").write_text("".join(lines))
    found = select_films(bundle, FILMS[:4].assign(sha256=hashes))
    assert found.rows.tolist() == rows
    assert found.held_out is held_out
    assert words in found.words
