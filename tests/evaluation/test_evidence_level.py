"""What figures may be called: films told by hash or by name, and how often they were evaluated."""

import pandas as pd
import pytest

from pneumo_core.bundle import load_bundle
from pneumo_core.bundle.integrity import FILM_HASHES, FILMS
from pneumo_core.dataset.index import index_folder
from pneumo_core.errors import BundleError
from pneumo_core.evaluation.evidence_level import evidence_level, evidence_of_shipped
from pneumo_core.evaluation.leakage import film_roles
from pneumo_core.evaluation.test_log import LoggedEvaluation
from tests import ROOT

ORIGINALS = ROOT.parent / "shared" / "data" / "fullres"


def films(*names, split="all", sha256=None):
    label = ["normal" if "NORMAL" in name else "pneumonia" for name in names]
    table = pd.DataFrame({"film": names, "split": split, "label": label})
    return table if sha256 is None else table.assign(sha256=sha256)


def validation(*names):
    table = films(*names)
    return table.assign(
        split="validation", subtype="", group="g", p_normal=0.5, p_bacterial="", p_viral="",
        p_pneumonia=0.5,
    )  # fmt: skip


@pytest.fixture
def bundle(paper_bundle, tmp_path, tiny_card):
    own = validation("train/NORMAL/IM-0001-0001.jpeg", "train/PNEUMONIA/1.png")
    return paper_bundle(tmp_path, {**tiny_card, "data": {"films": 5216}}, own)


def hashed(bundle, *lines):
    (bundle.path / FILMS).write_text("".join(f"{line}\n" for line in lines), "utf-8")


def test_films_are_told_by_their_hash_where_the_bundle_lists_them(bundle):
    hashed(bundle, f"{'a' * 16} t", f"{'b' * 16} v", f"{'c' * 16} tv")
    table = films(
        "NORMAL/1.png", "NORMAL/2.png", "NORMAL/3.png", "NORMAL/4.png",
        sha256=["a" * 64, "b" * 64, "c" * 64, "d" * 64],
    )  # fmt: skip
    found = film_roles(bundle, table)
    assert found.by_hash
    assert found.trained.tolist() == [True, False, True, False]
    assert found.chosen.tolist() == [False, True, True, False]


def test_a_film_in_another_file_is_known_by_its_perceptual_hash(bundle):
    hashed(bundle, f"{'a' * 16} v")
    (bundle.path / FILM_HASHES).write_text(f"{'0' * 64} t\n{'f' * 64} v\n")
    near, far = f"{'0' * 57}{'f' * 7}", f"{'0' * 56}1{'f' * 7}"  # 28 and 29 bits of 256
    table = films(
        "NORMAL/1.png", "NORMAL/2.png", "NORMAL/3.png", "NORMAL/4.png", "NORMAL/5.png",
        sha256=["a" * 64, "b" * 64, "c" * 64, "d" * 64, "e" * 64],
    ).assign(phash=["0" * 64, near, far, "f" * 64, ""])  # fmt: skip
    found = film_roles(bundle, table)
    assert found.by_hash
    assert found.trained.tolist() == [False, True, False, False, False]  # the file itself decides
    assert found.chosen.tolist() == [True, False, False, True, False]
    assert found.unseen.tolist() == [False, False, True, False, True]
    alone = film_roles(bundle, table.drop(columns="sha256"))
    assert alone.trained.tolist() == [True, True, False, False, False]


@pytest.mark.skipif(not ORIGINALS.is_dir(), reason="the full-size originals are not here")
def test_the_shipped_model_recognises_originals_of_the_copies_it_was_trained_on():
    shipped = load_bundle("kermany-r50v2", models_dir=ROOT / "models", verify=False)
    originals = index_folder(ORIGINALS)
    found = film_roles(shipped, originals)
    assert found.trained.all()
    assert len(originals) == 60


@pytest.mark.parametrize("line", ["", "abc t", f"{'a' * 16} x", f"{'a' * 16}  t", f"{'A' * 16} t"])
def test_a_list_of_films_that_is_none_is_refused(bundle, line):
    hashed(bundle, f"{'a' * 16} t", line)
    with pytest.raises(BundleError, match="Model paper: expected a hash and a role on each line"):
        film_roles(bundle, films("NORMAL/1.png", sha256=["d" * 64]))


def test_by_name_the_rest_of_the_same_data_set_was_trained_on(bundle):
    table = films("NORMAL/IM-0001-0001.jpeg", "PNEUMONIA/1.png", "PNEUMONIA/2.png", split="train")
    found = film_roles(bundle, table)
    assert not found.by_hash
    assert found.chosen.tolist() == [True, True, False]
    assert found.trained.tolist() == [False, False, True]


def test_by_name_a_test_film_is_only_known_if_its_name_holds_the_patient(bundle):
    table = films("NORMAL/IM-0001-0001.jpeg", "PNEUMONIA/1.png", "PNEUMONIA/2.png", split="test")
    found = film_roles(bundle, table)
    assert found.chosen.tolist() == [True, False, False]
    assert not found.trained.any()


def test_a_cross_validated_model_was_trained_on_its_validation_films(
    paper_bundle, tmp_path, tiny_card
):
    own = validation("train/NORMAL/1.png", "train/PNEUMONIA/2.png")
    bundle = paper_bundle(tmp_path, {**tiny_card, "data": {"films": 2}}, own)
    found = film_roles(bundle, films("NORMAL/1.png", "PNEUMONIA/2.png"))
    assert found.trained.all()
    assert not found.chosen.any()


def look(digest="d"):
    return LoggedEvaluation("2026-01-01T00:00:00+00:00", "1.0", digest, "h", "test", 2, {}, "0.1.0")


def test_a_first_look_at_test_films_is_a_test(bundle):
    hashed(bundle)
    table = films("NORMAL/9.png", split="test", sha256=["d" * 64])
    found = evidence_level(bundle, table, split="test", evaluations=[look()])
    assert (found.kind, found.badge, found.evaluations) == ("test", "test: evaluated once", 1)
    assert found.warning == ""
    assert found.by_hash


def test_later_looks_are_counted_and_warned_of(bundle):
    table = films("NORMAL/9.png", split="test")
    found = evidence_level(bundle, table, split="test", evaluations=[look(), look(), look("e")])
    assert found.badge == "test: evaluated 3 times"
    assert "3 times, with 2 versions of the model" in found.words
    assert "no longer a test" in found.warning
    assert "does not list its training films" in found.warning
    assert not found.by_hash


def test_training_films_are_no_test_whatever_the_split_is_called(bundle):
    hashed(bundle, f"{'a' * 16} t")
    table = films("NORMAL/1.png", "NORMAL/2.png", split="test", sha256=["a" * 64, "d" * 64])
    found = evidence_level(bundle, table, split="test", evaluations=[look()])
    assert (found.kind, found.badge) == ("training", "training films")
    assert found.words == ("1 of 2 films were used for training although the split is called test.")
    assert "how well the model remembers" in found.warning


def test_films_that_thresholds_were_chosen_on_are_validation(bundle):
    table = films("train/NORMAL/IM-0001-0001.jpeg", split="train")
    found = evidence_level(bundle, table, split="train")
    assert found.kind == "validation"
    assert found.badge == "validation: thresholds were chosen on these films"
    assert "1 of 1 films, as far as file names show" in found.words
    assert "not a test" in found.warning


def test_other_films_are_other_data_and_doubt_is_told(bundle):
    found = evidence_level(bundle, films("NORMAL/x.png"), split="all")
    assert (found.kind, found.badge) == ("other", "other data")
    assert "too high" in found.warning
    hashed(bundle, f"{'a' * 16} t")
    sure = evidence_level(bundle, films("NORMAL/x.png", sha256=["d" * 64]), split="all")
    assert sure.warning == ""


def test_a_bundles_own_predictions_are_validation(bundle):
    found = evidence_of_shipped(bundle)
    assert found.kind == "validation"
    assert "60 films that do not exist" in found.words
    assert found.to_dict()["looks"] == 0


def test_films_that_pneumo_drew_measure_nothing_whatever_else_they_are(bundle):
    hashed(bundle, f"{'a' * 16} t")
    table = films("NORMAL/1.png", "NORMAL/2.png", split="test", sha256=["a" * 64, "d" * 64])
    found = evidence_level(bundle, table.assign(synthetic=True), split="test", evaluations=[look()])
    assert (found.kind, found.synthetic, found.evaluations) == ("drawn", 2, 0)
    assert found.warning == ("These films are synthetic: they do not measure performance.")
    assert "Their evaluation is not logged" in found.words


def test_of_a_mixed_folder_it_is_told_how_many_were_drawn(bundle):
    hashed(bundle)
    table = films("NORMAL/1.png", "NORMAL/2.png", split="test", sha256=["a" * 64, "d" * 64])
    found = evidence_level(
        bundle, table.assign(synthetic=[True, False]), split="test", evaluations=[look()]
    )
    assert (found.kind, found.synthetic, found.evaluations) == ("test", 1, 1)
    assert found.warning == ("1 of 2 films are synthetic: they do not measure performance.")
    real = evidence_level(bundle, table.assign(synthetic=False), split="test", evaluations=[look()])
    assert (real.synthetic, real.warning) == (0, "")
