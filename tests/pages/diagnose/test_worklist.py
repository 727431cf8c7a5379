from dataclasses import replace
from datetime import datetime

from pages.ui.diagnose.worklist import _columns, _row, _unread_html, table
from pages.ui.session_film import make_entry
from pages.ui.state import by_suspicion
from pneumo_core.imaging.film import SourceFacts
from pneumo_core.readings.log import Verdict


def test_the_most_suspicious_film_comes_first_what_is_no_chest_film_last(reading):
    probabilities = {"a": 0.05, "b": 0.95, "c": None, "d": 0.5, "e": 0.99, "f": 0.15, "g": 0.6}
    entries = [make_entry(name, name, reading(p)) for name, p in probabilities.items()]
    entries.append(make_entry("m", "m", reading(None, status="rejected")))
    entries.append(make_entry("o", "o", reading(0.999, decision="REFER", gate_ok=False)))
    assert "".join(entry.name for entry in by_suspicion(entries[::-1])) == "ebgdofacm"


def test_a_film_referred_for_its_range_is_among_the_referred(reading):
    torn = reading(0.95, decision="REFER")
    entries = [make_entry("torn", "1", torn), make_entry("sure", "2", reading(0.9))]
    assert [entry.name for entry in by_suspicion(entries)] == ["sure", "torn"]


def test_a_row_says_decision_probability_check_and_file(reading):
    rejected = reading(None, status="rejected", gate_reasons=("This is a page.",))
    rows = table(
        [
            make_entry("a.png", "1", reading(0.873)),
            make_entry("b.png", "2", reading(0.9999)),
            make_entry("c.png", "3", rejected),
            make_entry("d.png", "4", reading(None)),
            make_entry("e.png", "5", reading(0.5, gate_ok=False, gate_reasons=("Odd.",))),
        ]
    )
    assert [decision[0] for decision in rows["decision"]] == [
        "▲ Signs of pneumonia",
        "▲ Signs of pneumonia",
        "✕ Not a chest X-ray",
        "✕ Not read",
        "◇ Outside the model",
    ]
    assert rows["p"].tolist()[:2] == [0.873, 0.999]
    assert rows["p"].isna().tolist() == [False, False, True, True, True]
    assert rows["check"].tolist() == [
        "✓ passed",
        "✓ passed",
        "✕ failed",
        "✕ unread",
        "◇ failed",
    ]
    assert rows["file"].tolist() == ["a.png", "b.png", "c.png", "d.png", "e.png"]


def test_verdict_and_note_take_no_room_while_there_are_none(reading):
    one = make_entry("a.png", "1", reading(0.9))
    assert not {"verdict", "note"} & set(table([one]))
    said = Verdict("Ada", "agree", "pneumonia", 4, "")
    judged = replace(one, key="2", record=replace(one.record, verdicts=(said,)))
    rows = table([one, judged])
    assert rows["verdict"].tolist()[0] == ""
    assert rows["verdict"].tolist()[1].startswith("agree")
    assert "note" not in rows


def test_few_reasons_are_in_sight_many_are_folded(reading):
    entries = [make_entry(f"{i}.png", str(i), reading(None)) for i in range(6)]
    assert _unread_html(entries[:5]).count("<li>") == 5
    assert "<details>" not in _unread_html(entries[:5])
    assert _unread_html(entries).startswith(
        "<details><summary>Why 6 files have no result</summary>"
    )
    assert _unread_html([make_entry("a.png", "a", reading(0.9))]) == ""


def test_on_a_telephone_the_file_is_in_sight_and_no_column_before_it_is_cut(reading):
    shown = list(table([make_entry("a.png", "a", reading(0.9))]))
    before = shown[: shown.index("file") + 1]
    assert before == ["film", "decision", "p", "file"]
    ticks, room = 33, 358  # pixels: the column of the ticks, and a page of 390 without its margins
    assert ticks + sum(_columns()[column]["width"] for column in before) <= room


def test_a_row_of_the_csv_has_three_digits_the_hash_and_the_date(reading):
    facts = SourceFacts("PNG", 900, 700, 8, "grey", 1, "ab" * 32, 0.0)
    entry = make_entry("a.png", "a", reading(0.87654321, facts=facts, threshold_low=0.29989))
    row = _row(entry)
    assert (row["p_pneumonia"], row["threshold_low"]) == (0.877, 0.3)
    assert row["sha256"] == "ab" * 32
    assert datetime.fromisoformat(row["read_at"]).tzinfo is not None
