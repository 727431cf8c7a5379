"""The checklists of the report: whole, true, and about the model's own films."""

from pneumo_core import DISCLAIMER
from pneumo_core.bundle.provenance import disclaimer
from pneumo_core.evaluation.evidence_level import evidence_of_shipped
from pneumo_core.evaluation.report import to_html
from pneumo_core.evaluation.report.checklists import CLAIM, TRIPOD, answers, checklists
from pneumo_core.evaluation.report.document import Report
from pneumo_core.evaluation.report.model_sections import model
from pneumo_core.evaluation.summary import summarise
from tests.evaluation.report.reports import rows_of


def test_the_checklists_are_whole_and_each_item_has_a_state(made):
    claim, tripod = (rows_of(made[2], name) for name in ("claim", "tripod_ai"))
    assert [row["item"] for row in claim] == [str(i) for i in range(1, 45)]
    assert len({row["item"].rstrip("abcdefg") for row in tripod}) == 27
    assert len(tripod) == 52
    for row in (*claim, *tripod):
        assert row["state"] in {"answered", "in part", "open", "not applicable"}
        assert row["answer"]
    funding = next(row for row in claim if row["item"] == "44")
    assert (funding["state"], funding["answer"]) == (
        "open", "Not known to Pneumo: for the authors to answer.",
    )  # fmt: skip


def test_every_answer_belongs_to_an_item(made):
    bundle, table, _ = made
    summary = summarise(table, bundle.points, rounds=5)
    asked = {key for *_, key in (*CLAIM, *TRIPOD)}
    for card in (bundle.card, bundle.card.with_parts(data={"source": "Our clinic."})):
        known = answers(
            type(bundle)("b", bundle.path, card, "d"), summary, evidence_of_shipped(bundle), "x"
        )
        assert set(known) <= asked


def test_a_model_of_other_films_says_whose(made):
    bundle, table, _ = made
    data = {"source": "Films of our clinic, 2020–2024.", "films": 9}
    card = bundle.card.with_parts(data=data)
    own = type(bundle)("own", bundle.path, card, "ab" * 32)
    assert disclaimer(bundle) == DISCLAIMER
    assert disclaimer(own) == (
        "Research demonstration. Not a medical device. Trained on: Films of our clinic, 2020–2024."
    )
    summary = summarise(table, own.points, rounds=5)
    lists = checklists(own, summary, evidence_of_shipped(own), "its own films")
    report = Report("T", "s", "b", "other", disclaimer(own), (model(own), *lists))
    page = to_html(report)
    assert "Films of our clinic" in page
    for known in ("Guangzhou", "1–5 years", "Kermany"):
        assert known not in page
    states = {row["item"]: row["state"] for row in rows_of(report, "claim")}
    assert states["7"] == "in part"
    assert states["14"] == states["16"] == "open"
