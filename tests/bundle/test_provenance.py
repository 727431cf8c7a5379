"""The list of films of a bundle: written sorted, carried along, refused where it is no list."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from pneumo_core.bundle import load_bundle, verify_bundle, write_bundle
from pneumo_core.bundle.card import Card
from pneumo_core.bundle.integrity import FILM_HASHES, FILMS, write_sums
from pneumo_core.bundle.provenance import (
    film_hashes_text,
    films_text,
    inspect_films,
    synthetic_share,
    training_film_count,
    training_summary,
)
from pneumo_core.bundle.transfer import LIMITS, export_bundle, import_bundle
from pneumo_core.errors import BundleError
from tests.bundle.bundle_zips import files_of, signed, zipped

if TYPE_CHECKING:
    from pathlib import Path

    import keras
    import pandas as pd

    from pneumo_core.bundle import Bundle


A, B = "a" * 64, "b" * 64
TEXT = f"{A[:16]} t\n{B[:16]} tv\n"


def test_films_are_listed_sorted_by_the_first_16_digits() -> None:
    assert films_text({B: "tv", A: "t"}) == TEXT
    assert films_text({}) == ""


def test_two_hashes_that_begin_alike_share_a_line_with_both_roles() -> None:
    assert films_text({A: "v", f"{A[:16]}{'0' * 48}": "t"}) == f"{A[:16]} tv\n"


@pytest.mark.parametrize(
    "films", [{A[:16]: "t"}, {A: ""}, {A: "vt"}, {A: "test"}, {A.upper(): "t"}, {f"{A}\n": "t"}]
)
def test_what_is_no_hash_and_role_is_not_written(films: dict[str, str]) -> None:
    with pytest.raises(BundleError, match="Expected a SHA-256 of 64 hexadecimal digits and a role"):
        films_text(films)


def test_a_bundle_is_written_with_its_films(
    tiny_network: keras.Model,
    tiny_card: dict[str, Any],
    tiny_predictions: pd.DataFrame,
    tmp_path: Path,
) -> None:
    from pneumo_core.evaluation.leakage import film_roles

    bundle = write_bundle(
        tiny_network,
        name="tiny",
        card=tiny_card,
        predictions=tiny_predictions,
        films={B: "tv", A: "t"},
        film_hashes={B: "t"},
        models_dir=tmp_path,
    )
    assert (bundle.path / FILMS).read_bytes() == TEXT.encode()
    assert (bundle.path / FILM_HASHES).read_text() == f"{B} t\n"
    sums = (bundle.path / "SHA256SUMS").read_text()
    assert f"  {FILMS}\n" in sums
    assert f"  {FILM_HASHES}\n" in sums
    table = tiny_predictions.head(3).assign(sha256=[A, B, "c" * 64])
    found = film_roles(bundle, table)
    assert (found.trained.tolist(), found.by_hash) == ([True, True, False], True)
    assert found.chosen.tolist() == [False, True, False]


# -- on its way


@pytest.fixture
def listed(models: Path) -> Path:
    """A folder of models whose "tiny" lists its films."""
    (models / "tiny" / FILMS).write_text(TEXT)
    write_sums(models / "tiny")
    return models


def test_a_bundle_is_whole_with_and_without_its_films(models: Path, tiny_bundle: Bundle) -> None:
    verify_bundle(models / "tiny")
    (models / "tiny" / FILMS).write_text(TEXT)
    with pytest.raises(BundleError, match=r"files listed in SHA256SUMS, found films\.sha256"):
        verify_bundle(models / "tiny")
    write_sums(models / "tiny")
    verify_bundle(models / "tiny")
    (models / "tiny" / FILMS).unlink()
    with pytest.raises(BundleError, match=r"expected the file films\.sha256, but it is missing"):
        verify_bundle(models / "tiny")
    write_sums(models / "tiny")
    assert load_bundle("tiny", models_dir=models).digest == tiny_bundle.digest


@pytest.mark.usefixtures("no_trial")
def test_the_films_come_through_a_zip(listed: Path, tmp_path: Path) -> None:
    (listed / "tiny" / FILM_HASHES).write_text(f"{A} t\n{B} tv\n")
    write_sums(listed / "tiny")
    sent = export_bundle("tiny", models_dir=listed)
    with zipfile.ZipFile(io.BytesIO(sent)) as archive:
        assert archive.read(f"tiny/{FILMS}") == TEXT.encode()
    made = import_bundle(sent, models_dir=tmp_path / "new")
    assert (made.path / FILMS).read_text() == TEXT
    assert (made.path / FILM_HASHES).read_text() == f"{A} t\n{B} tv\n"
    assert made.digest == load_bundle("tiny", models_dir=listed).digest
    assert export_bundle("tiny", models_dir=tmp_path / "new") == sent


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{A[:16]} x\n", "its line 1 is no hash and role of a film"),
        (f"{TEXT}../../evil\n", "its line 3 is no hash and role of a film"),
        (TEXT.replace("\n", "\r\n"), "its line 1 is no hash"),
        (TEXT.removesuffix("\n"), "its line 2 is no hash"),
        (f"{B[:16]} t\n{A[:16]} t\n", "its line 2 is out of order"),
        (f"{A[:16]} t\n{A[:16]} v\n", "its line 2 is out of order"),
        ("\udcff\n", "its line 1 is no hash"),
    ],
)
def test_a_list_that_is_none_is_refused(
    listed: Path, no_trial: list[Path], tmp_path: Path, text: str, why: str
) -> None:
    path = tmp_path / FILMS
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BundleError, match=f"Expected a list of films in films.sha256, but {why}"):
        inspect_films(path)
    files = files_of(export_bundle("tiny", models_dir=listed))
    sent = zipped(signed(files | {f"tiny/{FILMS}": path.read_bytes()}))
    with pytest.raises(BundleError, match=rf"^Nothing was imported\. .*{why}"):
        import_bundle(sent, models_dir=tmp_path / "new")
    assert no_trial == []


def test_a_list_of_perceptual_hashes_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILM_HASHES).write_text(TEXT)  # hashes of files, cut short
    with pytest.raises(BundleError, match=r"films in films\.phash, but its line 1 is no hash"):
        inspect_films(tmp_path / FILM_HASHES)
    with pytest.raises(BundleError, match="Expected a perceptual hash of 64 hexadecimal digits"):
        film_hashes_text({A[:16]: "t"})


def test_a_list_that_is_too_large_is_refused(
    listed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LIMITS[FILMS] == 16 * 2**20
    sent = export_bundle("tiny", models_dir=listed)
    monkeypatch.setitem(LIMITS, FILMS, len(TEXT) - 1)
    with pytest.raises(BundleError, match=r"tiny/films\.sha256 unpacks to .*; at most"):
        import_bundle(sent, models_dir=tmp_path / "new")


OWN = (
    "It was trained on 80 films. Its figures are from 20 other films, of patients outside the "
    "training set."
)
IN_PART = (
    "It was trained on 80 films. Its figures are from 15 of 20 other films, of patients outside "
    "the training set. The run was stopped by hand: the rest of these films was not read."
)
THOSE = (
    "It was trained on all {} films. Its figures are from {} of the same recipe on {} of these "
    "films, each read by a network that was not trained on its patient."
)


def document(films=100, held_out=20, **training):
    return {"data": {"films": films, "validation_films": held_out}, "training": training}


@pytest.mark.parametrize(
    ("of", "trained", "words"),
    [
        (
            document(folds=1),
            80,
            OWN,
        ),
        (
            {
                "data": {"films": 100, "validation_films": 15, "held_out_films": 20},
                "training": {"folds": 1},
            },
            80,
            IN_PART,
        ),
        (
            document(5216, 3130, folds=5, measured_folds=3),
            5216,
            THOSE.format("5,216", "3 other networks", "3,130"),
        ),
        (
            document(5216, 5216, folds=5, measured_folds=0),
            5216,
            THOSE.format("5,216", "5 other networks", "5,216"),
        ),
        (
            document(100, 20, folds=5, measured_folds=1),
            100,
            THOSE.format("100", "another network", "20"),
        ),
        (document(100, None, folds=5), 100, "It was trained on all 100 films."),
        (document(100, None, folds=1), None, ""),
        (document(), None, ""),
        (document("many", folds=1), None, ""),
        ({}, None, ""),
    ],
)
def test_a_sentence_says_what_it_was_trained_on_and_which_networks_were_measured(
    of, trained, words
):
    card = Card.from_document(of)
    assert training_film_count(card) == trained
    assert training_summary(card) == words


def test_films_of_the_model_that_a_training_started_from_count_as_well(
    tiny_card: dict[str, Any],
) -> None:
    def share(**data: Any) -> float:
        return synthetic_share(Card.from_document({**tiny_card, "data": data}))

    assert share(films=60, drawn_films=60) == 1.0
    assert share(films=60, drawn_films=60, parent_films=240) == 0.2
    assert share(films=60, parent_films=20, parent_drawn_films=20) == 0.25
    assert share(films=60, drawn_films=60, parent_films="many") == 1.0
    assert share(films=60) == share(drawn_films=3) == 0.0
