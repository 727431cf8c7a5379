"""The films behind each number, by hand."""

import pandas as pd

from pneumo_core.evaluation.summary import films_by_cell, referred_films

TABLE = pd.DataFrame(
    {
        "film": list("abcdefgh"),
        "label": ["normal"] * 4 + ["pneumonia"] * 4,
        "p_pneumonia": [0.1, 0.6, 0.9, 0.3, 0.2, 0.45, 0.5, 0.95],
    }
)


def test_each_film_is_in_one_cell_the_surest_first():
    found = {name: films["film"].tolist() for name, films in films_by_cell(TABLE, 0.5).items()}
    assert found == {
        "found": ["h", "g"],
        "missed": ["e", "f"],
        "false alarms": ["c", "b"],
        "cleared": ["a", "d"],
    }


def test_rows_keep_their_index_even_if_it_is_not_in_order():
    shuffled = TABLE.iloc[[7, 2, 0, 5, 1, 6, 3, 4]]
    found = films_by_cell(shuffled, 0.5)
    assert found["missed"].index.tolist() == [4, 5]


def test_referred_films_the_highest_first():
    found = referred_films(TABLE, 0.3, 0.6)
    assert found["referred, pneumonia"]["film"].tolist() == ["g", "f"]
    assert found["referred, normal"]["film"].tolist() == ["d"]


def test_an_empty_cell_is_an_empty_table():
    found = films_by_cell(TABLE, 2.0)
    assert found["found"].empty
    assert list(found["found"].columns) == ["film", "label", "p_pneumonia"]
