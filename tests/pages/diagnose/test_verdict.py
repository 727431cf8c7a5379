"""What a reader says of a film, openly and blinded: kept, shown, changed by a further verdict."""

import pytest

from tests.pages.seen import button, drop, html_of, no_trace


def answer(page, **fields):
    """Fill the form of a verdict; the control of each field by the end of its key."""
    for name, value in fields.items():
        kinds = (page.segmented_control, page.text_area, page.text_input)
        one = next(w for kind in kinds for w in kind if (w.key or "").endswith(f".{name}"))
        one.set_value(value)


def test_a_verdict_is_kept_shown_and_changed_by_a_further_one(page, png, log):
    drop(page.run(), ("a.png", png(225)))
    answer(
        page, agreement="disagree", finding="normal", confidence=4, note="<i>Rib.</i>", reader="Ada"
    )
    button(page, "Save verdict").click().run()
    html = html_of(page)
    assert "disagrees with the model; finding: normal; confidence 4 of 5" in html
    assert "&lt;i&gt;Rib.&lt;/i&gt;" in html
    answer(page, agreement="agree", finding="pneumonia")
    button(page, "Save verdict").click().run()
    (row,) = log.find()
    said = [(one.reader, one.agreement, one.finding, one.phase) for one in row.verdicts]
    assert said == [("Ada", "disagree", "normal", "open"), ("Ada", "agree", "pneumonia", "open")]
    assert row.verdicts[1].note == "<i>Rib.</i>"
    assert no_trace(page)


def test_the_name_of_the_reader_is_remembered_and_another_form_begins_empty(page, png):
    drop(page.run(), ("a.png", png(225)), ("b.png", png(30)))
    answer(page, finding="pneumonia", reader="Ada")
    button(page, "Save verdict").click().run()
    page.button(key="diagnose.next").click().run()
    reader = next(one for one in page.text_input if one.key.endswith(".reader"))
    assert reader.value == "Ada"
    assert next(one for one in page.segmented_control if one.key.endswith(".finding")).value is None


def test_nothing_chosen_is_refused_and_what_was_typed_stays(page, png, log):
    drop(page.run(), ("a.png", png(225)))
    answer(page, note="Look again.")
    button(page, "Save verdict").click().run()
    assert page.error[0].value.startswith("Expected agreement or your finding, got none.")
    assert page.text_area[0].value == "Look again."
    assert log.find()[0].verdicts == ()


@pytest.fixture
def blinded(page, png):
    page.run()
    page.toggle[0].set_value(True).run()
    return drop(page, ("well.png", png(30)), ("ill.png", png(225)))


ANSWERS = (
    "Signs of pneumonia",
    "No sign of pneumonia",
    "88\xa0%",
    "12\xa0%",
    "pn-scale",
    "pn-legend",
)


def test_a_blinded_reader_sees_no_answer_anywhere_before_his_own(blinded):
    html = html_of(blinded)
    for words in ANSWERS:
        assert words not in html
    assert "Your answer first" in html
    (listed,) = blinded.dataframe
    assert [name[:5] for name in listed.value["Film"]] == ["Film ", "Film "]
    assert ".png" not in html + listed.value.to_string()
    assert listed.value["Model"].tolist() == ["hidden", "hidden"]
    assert not blinded.get("download_button")
    assert not blinded.code
    assert not any("agreement" in (one.key or "") for one in blinded.segmented_control)
    assert no_trace(blinded)


def test_a_hidden_answer_is_not_in_the_history_either(blinded):
    assert len(blinded.dataframe) == 1
    blinded.session_state["history"] = True
    blinded.run()
    assert len(blinded.dataframe) == 1
    assert "No reading matches the filter." in [one.value for one in blinded.info]


def test_answers_before_and_after_are_kept(blinded, log):
    answer(blinded, finding="pneumonia", confidence=3, reader="Bo")
    button(blinded, "Save and show the model's answer").click().run()
    html = html_of(blinded)
    assert "● No sign of pneumonia" in html
    assert "12\xa0%" in html
    assert "well.png" in html
    assert "ill.png" not in html
    assert "Bo</strong>, before seeing the model: finding: pneumonia" in html
    assert blinded.dataframe[0].value["Model"].tolist() == ["● No sign of pneumonia", "hidden"]
    answer(blinded, agreement="agree", finding="normal")
    button(blinded, "Save verdict").click().run()
    row = next(one for one in log.find() if one.decision == "NORMAL")
    assert [(one.phase, one.finding, one.agreement) for one in row.verdicts] == [
        ("before", "pneumonia", None),
        ("after", "normal", "agree"),
    ]
    assert no_trace(blinded)


def test_a_blinded_answer_needs_a_finding(blinded):
    button(blinded, "Save and show the model's answer").click().run()
    assert blinded.error[0].value == "Expected your finding, got none. Choose one, then save."
    assert "Your answer first" in html_of(blinded)


def test_turned_off_the_mode_shows_all_answers_and_verdicts_are_open(blinded, log):
    blinded.toggle[0].set_value(False).run()
    assert "▲ Signs of pneumonia" in html_of(blinded)
    answer(blinded, finding="pneumonia")
    button(blinded, "Save verdict").click().run()
    assert [one.phase for row in log.find() for one in row.verdicts] == ["open"]


def test_films_that_were_seen_before_are_not_hidden(page, png):
    drop(page.run(), ("a.png", png(225)))
    page.toggle[0].set_value(True).run()
    assert "▲ Signs of pneumonia" in html_of(page)


def test_a_hidden_film_dropped_again_stays_hidden(blinded, png):
    drop(blinded, ("bacteria.png", png(225)))
    assert "bacteria" not in html_of(blinded) + blinded.dataframe[0].value.to_string()
    assert set(blinded.dataframe[0].value["Model"]) == {"hidden"}
