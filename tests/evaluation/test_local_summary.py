import numpy as np
import pytest

from pneumo_core.evaluation.evidence_level import EvidenceLevel
from pneumo_core.evaluation.film_answers import NOT_CHEST, TURNED
from pneumo_core.evaluation.local_summary import VERDICTS, local_summary
from pneumo_core.evaluation.report import build_one_page, to_html
from pneumo_core.evaluation.subgroups import subgroups, with_people
from pneumo_core.metrics import coverage_risk
from tests.evaluation.test_local_fit import films


def test_what_happens_to_the_films_is_said_in_words(tiny_bundle):
    table = films(shift=1.5)
    table.loc[:3, "check"], table.loc[4, "check"] = TURNED, NOT_CHEST
    found = local_summary(tiny_bundle, table, site="St Mary")
    normal = table[table["label"] == "normal"]
    cleared = ((normal["p_pneumonia"] < 0.2) & (normal["check"] == "")).mean()
    assert found.answers["normal cleared"].value == pytest.approx(cleared)
    assert found.lead.startswith(f"At St Mary {100 * cleared:.0f}\xa0% [")
    assert found.stopped == ((TURNED, 4), (NOT_CHEST, 1))
    assert any("4 not upright, 1 not a frontal chest film" in one for one in found.sentences)
    assert any(one.figure == "specificity" for one in found.falls)
    assert found.verdict == "fit"
    assert found.to_dict()["verdict_words"] == VERDICTS["fit"]


@pytest.mark.parametrize(
    ("table", "verdict"),
    [(films(20, 60), "unknown"), (films(100, 100, noise=8, shift=0), "train")],
)
def test_few_films_and_a_poor_ranking_are_told_apart(tiny_bundle, table, verdict):
    assert local_summary(tiny_bundle, table, site="x").verdict == verdict


def test_coverage_and_risk_by_hand():
    curve = coverage_risk([1, 1, 0, 0], [0.9, 0.4, 0.6, 0.01], 0.5)
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert curve.risk.tolist() == [0, 0, pytest.approx(1 / 3), 0.5]
    assert curve.at(0.5).value == 0
    assert curve.at(1.0).value == 0.5


def test_ages_are_kept_as_bands_and_cut_in_their_order():
    table = films(30, 30)
    index = table.assign(age=np.r_[np.full(30, 70.0), np.full(29, 3.0), np.nan], sex="F", view="")
    known = with_people(table, index)
    assert set(known["age_band"]) == {"65 years and over", "1–5 years", ""}
    assert "view" not in known
    rows = subgroups(known, threshold=0.5, by=["age_band"])
    assert rows["group"].tolist() == ["all films", "1–5 years", "65 years and over"]


def test_one_page_for_the_person_who_decides(tiny_bundle):
    evidence = EvidenceLevel("other", "other data", "None of these films was used.", "")
    page = build_one_page(
        tiny_bundle, films(), evidence, site="St Mary", films="all films", author="A. Reader",
        remarks="A new device since May.", today="2026-11-26",
    )  # fmt: skip
    assert page.title == "Does tiny hold at St Mary?"
    html = to_html(page)
    for words in (VERDICTS["fit"], "A. Reader", "A new device since May.", "What to do: Fit"):
        assert words in html
    assert [table.name for table in page.tables] == ["answers", "coverage_risk"]
