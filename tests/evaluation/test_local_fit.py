import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from pneumo_core.bundle import load_bundle
from pneumo_core.bundle.card import check_card
from pneumo_core.bundle.card.parts import fitted_to_of
from pneumo_core.bundle.provenance import disclaimer_of, population_of, training_summary
from pneumo_core.bundle.transfer import export_bundle, import_bundle
from pneumo_core.bundle.write import write_fitted
from pneumo_core.errors import BundleError, DataSetError
from pneumo_core.evaluation.film_answers import NOT_CHEST, UNLIKE
from pneumo_core.evaluation.fitted_bundle import (
    ages_of,
    clean_site,
    fitted_card,
    months_of,
    pseudonymous,
)
from pneumo_core.evaluation.local_fit import fit_locally
from pneumo_core.metrics.operating_points import Aims


def films(normal=80, pneumonia=60, *, seed=0, shift=1.5, noise=1.2, each=2):
    """Films of a hospital where the network is too sure and calls too much pneumonia; `each` films
    a patient."""
    rng = np.random.default_rng(seed)
    sick = np.r_[np.zeros(normal, bool), np.ones(pneumonia, bool)]
    odds = 2.5 * (rng.normal(np.where(sick, 1.2, -1.2), noise) + shift)
    p = 1 / (1 + np.exp(-odds))
    return pd.DataFrame(
        {
            "film": [f"SECRET-{i}.png" for i in range(sick.size)],
            "split": "all",
            "label": np.where(sick, "pneumonia", "normal"),
            "subtype": np.where(sick, "unknown", "normal"),
            "group": [f"NAME-{i // each}-{one}" for i, one in enumerate(sick)],
            "p_normal": 1 - p,
            "p_bacterial": 0.7 * p,
            "p_viral": 0.3 * p,
            "p_pneumonia": p,
            "check": "",
        }
    )


def fitted(bundle, table, aims=None):
    return fit_locally(bundle, table, table["p_pneumonia"].to_numpy(), aims or Aims())


@pytest.fixture(scope="module")
def usual(tiny_bundle):
    """The tiny model fitted to `films()`."""
    return fitted(tiny_bundle, films())


def test_a_fit_mends_calibration_and_keeps_the_ranking(usual):
    found = usual
    before, after = found.before.figures, found.after.figures
    assert before.ece > 0.15
    assert after.ece < 0.75 * before.ece
    assert after.brier < before.brier
    assert after.auc == before.auc
    assert before.n == after.n == 140
    assert (after.confusion.tp + after.confusion.fn, after.confusion.n) == (60, 140)
    assert found.patients == 70
    assert found.recalibration.bias < -0.5
    at = found.points
    assert at.screening <= at.balanced <= at.ruling_in


def test_three_answers_add_up_and_a_stopped_film_counts_as_referred(tiny_bundle):
    table = films()
    table.loc[:9, "check"] = UNLIKE
    found = fitted(tiny_bundle, table)
    for kind in ("normal", "pneumonia", "all"):
        shares = [
            found.after.answers[f"{kind} {one}"].value for one in ("cleared", "referred", "called")
        ]
        assert sum(shares) == pytest.approx(1)
    assert found.after.answers["normal referred"].value >= 10 / 80
    assert found.left_out == ()


def test_what_is_no_chest_film_is_left_out_and_counted(tiny_bundle):
    table = films()
    table.loc[[0, 139], "check"] = NOT_CHEST
    found = fitted(tiny_bundle, table)
    assert found.left_out == ((NOT_CHEST, 2),)
    assert len(found.table) == 138


def test_intervals_narrow_with_films_and_the_films_still_needed_are_counted(tiny_bundle):
    few, many = (fitted(tiny_bundle, films(n, n, each=1)) for n in (40, 320))
    for point, rate in (("screening", "sensitivity"), ("ruling_in", "specificity")):
        wide, narrow = few.after.points[point][rate], many.after.points[point][rate]
        assert narrow.high - narrow.low < 0.6 * (wide.high - wide.low)
    one = few.needed[0]
    assert one.kind == "pneumonia"
    assert one.further == int(np.ceil(40 * (one.half_width_now / one.half_width) ** 2)) - 40
    assert re.fullmatch(
        r"sensitivity at the screening point: ±\d+\.\d points on 40 pneumonia films; ±\d points "
        r"need about [\d,]+ more\.",
        one.words,
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            films(29, 60),
            "at least 30 films of each class .* 29 normal and 60 pneumonia",
        ),
        (
            films(200, 3),
            "Label at least 27 more pneumonia films. Until then the model stays",
        ),
        (films(60, 60, noise=60), "ranks these films better than chance; its AUC on them is 0."),
        (films(60, 60, each=30), "Expected at least 5 patients of each class, got 2"),
    ],
)
def test_what_cannot_be_fitted_to_is_refused_in_words(tiny_bundle, table, message):
    with pytest.raises(DataSetError, match=message):
        fitted(tiny_bundle, table)


def test_a_promise_that_the_films_cannot_give_is_refused(tiny_bundle):
    with pytest.raises(
        DataSetError, match=r"at least 99 patients of each class for a guarantee of 99"
    ):
        fitted(tiny_bundle, films(), Aims(coverage=0.99))


def written(bundle, fit, name="here", site="General Hospital"):
    hashes = [f"{i:064x}" for i in range(len(fit.table))]
    card = fitted_card(bundle, fit, site=site, months=("2024-01", "2024-06"))
    return write_fitted(
        bundle, name=name, card=card, predictions=pseudonymous(fit.table), sha256=hashes
    )


@pytest.fixture(scope="module")
def parent(tiny_models_dir, tmp_path_factory):
    """The tiny model in a folder of its own."""
    folder = tmp_path_factory.mktemp("hospital")
    shutil.copytree(tiny_models_dir / "tiny", folder / "tiny")
    (folder / "active").write_text("tiny\n")
    return load_bundle("tiny", models_dir=folder)


@pytest.fixture(scope="module")
def digest(parent):
    """Of the parent, before anything was fitted."""
    return parent.digest


@pytest.fixture(scope="module")
def made(parent, digest, usual):
    """The parent fitted to `films()`, as the model "here" beside it."""
    return written(parent, usual)


@pytest.mark.parametrize(("cleared", "gains"), [(0.2, False), (0.3, False), (0.4, True)])
def test_a_fit_without_a_gain_is_told(tiny_bundle, usual, cleared, gains):
    card = fitted_card(tiny_bundle, usual, site="x", months=())
    before, after = ({name: {"value": 0.3} for name in ("normal cleared", "normal called",
                     "pneumonia cleared")} for _ in range(2))  # fmt: skip
    after["normal cleared"] = {"value": cleared}
    found = {**card["fitted_to"], "before": {"answers": before}, "after": {"answers": after}}
    assert fitted_to_of(found).gains is gains


def test_films_that_trained_the_network_are_said_in_the_card(tiny_bundle, usual):
    plain = fitted_card(tiny_bundle, usual, site="x", months=())
    assert plain["populations"][0]["evidence"].endswith("the network was not trained on them")
    seen = fitted_card(tiny_bundle, usual, site="x", months=(), trained=7)
    assert (
        "7 films had already been used to train the network" in seen["populations"][0]["evidence"]
    )
    assert seen["fitted_to"]["trained_on"] == 7
    assert seen["limitations"][-1].startswith(
        "Of the films it is fitted to 7 films had already been used to train"
    )


def test_the_model_names_its_parent_and_films_and_the_parent_is_untouched(parent, digest, made):
    assert load_bundle("tiny", models_dir=parent.path.parent).digest == digest
    card = made.card
    assert [(one.name, one.digest) for one in card.lineage] == [("tiny", digest)]
    facts = card.fitted_to
    assert (facts.site, facts.films, facts.normal, facts.pneumonia) == (
        "General Hospital",
        140,
        80,
        60,
    )
    assert (facts.patients, facts.months) == (70, ("2024-01", "2024-06"))
    assert facts.after["ece"] < facts.before["ece"]
    for file in ("model.keras", "openvino/model.bin", "openvino/model.xml"):
        assert (made.path / file).read_bytes() == (parent.path / file).read_bytes()
    words = "Calibration and thresholds fitted to 140 films of General Hospital."
    assert disclaimer_of(card).endswith(words)
    assert population_of(card).endswith(words)
    assert "140 films of General Hospital" in (made.path / "README.md").read_text("utf-8")
    assert card.document["stress"] is None if "stress" in card.document else True


def test_no_name_of_a_film_or_patient_is_in_the_model(made):
    for file in made.path.rglob("*"):
        if file.is_file() and file.suffix not in {".keras", ".bin", ".xml", ".npy"}:
            text = file.read_text("utf-8")
            assert "SECRET" not in text
            assert "NAME-" not in text
    table = pd.read_csv(made.path / "predictions.csv")
    assert table["film"].tolist()[:2] == ["film-00001", "film-00002"]
    assert table["group"].nunique() == 70
    assert not table["label"].is_monotonic_increasing  # mixed, not in the order of the folders


def test_the_model_answers_through_its_recalibration(parent, made):
    logits = np.array([[0.0, 1.0, 0.5], [2.0, -1.0, 0.0]])
    base = 1 - parent.probabilities(logits)[:, 0]
    expected = made.card.recalibration(base)
    assert 1 - made.probabilities(logits)[:, 0] == pytest.approx(expected)
    assert (expected < base).all()


def test_export_and_import_keep_the_lineage(made, tmp_path):
    other = tmp_path / "elsewhere"
    other.mkdir()
    back = import_bundle(export_bundle("here", models_dir=made.path.parent), models_dir=other)
    assert back.digest == made.digest
    assert back.card.lineage == made.card.lineage
    assert back.card.fitted_to == made.card.fitted_to


def test_a_fit_of_a_fit_has_two_ancestors(made):
    again = written(made, fitted(made, films()), name="again")
    assert [one.name for one in again.card.lineage] == ["tiny", "here"]
    assert again.version == made.version == "1.0+fit"


def test_an_older_pneumo_refuses_the_card_and_bad_parts_are_told(made):
    card = dict(made.card.document)
    assert card["format"] == 2
    with pytest.raises(BundleError, match="expected card format 2, got 1"):
        check_card({**card, "format": 1}, "here")
    with pytest.raises(BundleError, match="64 hexadecimal digits in lineage"):
        check_card({**card, "lineage": [{"name": "a", "version": "1", "digest": "x"}]}, "here")
    knots = {"method": "isotonic", "knots": [[0.0, 0.5], [1.0, 0.2]]}
    with pytest.raises(BundleError, match="knots that do not fall"):
        check_card({**card, "recalibration": knots}, "here")
    json.dumps(card, allow_nan=False)


def test_a_name_that_is_taken_is_refused(parent, usual):
    with pytest.raises(BundleError, match="Expected a new model name, but tiny exists"):
        written(parent, usual, name="tiny")


def test_the_figures_are_said_to_be_of_the_hospital(made):
    card = made.card.with_parts(data={"films": 100, "validation_films": 20}, training={"folds": 1})
    assert training_summary(card) == (
        "Its network was trained on 80 films. Its figures are from 140 films of General Hospital, "
        "each answered by a fit that had not seen its patient."
    )


def test_ages_and_the_name_of_a_hospital():
    table = pd.DataFrame({"age_band": ["16–39 years"] * 12 + ["65 years and over"] * 10 + [""] * 3})
    assert ages_of(table) == [16, 131]
    assert ages_of(pd.DataFrame({"film": []})) == []
    assert clean_site("<b>St. Mary's</b>\n  Ward 3") == "b St. Mary's b Ward 3"
    assert clean_site("///") == "this hospital"


def test_months_come_from_dicom_files_only(tmp_path, dicom_file):
    days = {"a.dcm": "20240105", "b.dcm": "20240630"}
    for name, day in days.items():
        (tmp_path / name).write_bytes(dicom_file(StudyDate=day))
    (tmp_path / "c.png").write_bytes(b"no DICOM")
    assert months_of(tmp_path, pd.DataFrame({"film": [*days, "c.png"]})) == ("2024-01", "2024-06")
    assert months_of(tmp_path, pd.DataFrame({"film": ["c.png"]})) == ()
