"""What a model's card says, in words; what others wrote is shown as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pages.ui.models.card_facts import evaluation_count, facts, headline, sample_sentence
from pages.ui.models.model_view import safe_markdown
from pages.ui.page import plain
from pneumo_core.bundle.card import Card
from pneumo_core.bundle.provenance import training_summary
from pneumo_core.evaluation.test_log import LoggedEvaluation


def test_the_name_of_a_file_is_no_markdown():
    assert plain("`a` ![x](u) *b* $c$ ~d~ \\") == "\\`a\\` !\\[x\\](u) \\*b\\* \\$c\\$ \\~d\\~ \\\\"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![x](https://evil.org/p.png)", "!\\[x](https://evil.org/p.png)"),
        ("!![x](u)", "!!\\[x](u)"),
        ("# One\n## Two\ntext # no", "### One\n#### Two\ntext # no"),
        (":material/home: :red[x]", "\\:material/home: \\:red[x]"),
        ("doi: 10.1, P(x) 1:2", "doi: 10.1, P(x) 1:2"),
        ("$x$", "\\$x\\$"),
    ],
)
def test_what_others_wrote_is_shown_as_text(text, shown):
    assert safe_markdown(text) == shown


def test_the_words_of_a_card(tiny_bundle):
    parts = {
        "training": {"finished": "2026-11-20", "seconds": 2372, "preset": "standard",
                     "machine": "2 CPU cores", "folds": 5},
        "data": {"films": 5216, "validation_films": 1044, "groups": 3654, "normal": 1341,
                 "bacterial": 2530, "viral": 1345},
        "network": {"backbone": "ResNet50V2", "parameters": 8580611, "weights_licence": "Apache"},
    }  # fmt: skip
    card = tiny_bundle.card.with_parts(**parts)
    rows = dict(facts(replace(tiny_bundle, card=card), 35_300_000, []))
    assert rows["Training"] == "20 November 2026; training 40 min; preset standard; 2 CPU cores"
    assert rows["Trained on"] == training_summary(card)
    again = card.with_parts(training={"finished": "2026-11-20", "second_step": "2026-11-27"})
    rows = dict(facts(replace(tiny_bundle, card=again), 35_300_000, []))
    assert rows["Training"] == "20 November 2026; with a second source on 27 November 2026"
    rows = dict(facts(replace(tiny_bundle, card=card), 35_300_000, []))
    counted = "5,216 films of 3,654 patients: 1,341 normal, 2,530 bacterial, 1,345 viral"
    assert rows["Films"] == counted
    silent = replace(tiny_bundle, card=card.with_parts(training={}))
    rows = dict(facts(silent, 35_300_000, []))
    assert "Trained on" not in rows
    assert rows["Films"] == f"{counted}; 1,044 used for the figures"
    assert rows["Network"] == "ResNet50V2; 8,580,611 parameters"
    assert rows["Licences"] == "data CC BY 4.0; weights Apache"
    assert rows["On disk"] == "34 MB"
    assert rows["Test-set evaluations"] == "none on this machine"


def test_the_least_card_has_no_figures_and_no_gaps(tiny_bundle):
    def card(**parts):
        return Card.from_document(parts)

    assert headline(card()) == []
    figures = {"AUC": None, "sensitivity": 0.9}
    assert headline(card(figures=figures)) == [("sensitivity", "0.9")]
    assert sample_sentence(card(figures={"films": 1044})).startswith(
        "on 1,044 validation films not used"
    )
    assert sample_sentence(card()).startswith("on validation films")


def test_evaluations_are_counted_with_those_of_earlier_models():
    def look(day, digest):
        return LoggedEvaluation(
            f"2026-11-{day}T10:00:00+00:00", "1.0", digest, "d", "test", 624, {}, "0.1"
        )

    new, old = "a" * 16, "b" * 16
    assert evaluation_count([look(20, new)], "a" * 64) == "1; last on 20 November 2026"
    assert evaluation_count([look(20, old), look(21, new), look(22, new)], "a" * 64) == (
        "3, 1 of them with an earlier model of this name; last on 22 November 2026"
    )
