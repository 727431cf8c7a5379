"""Ages from DICOM tags, and the populations that a card names."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pneumo_core.inference.predict import Decision
from pneumo_core.readings.age import (
    AgeCheck,
    age_in_years,
    ages_of,
    check_age,
    outside_population,
    with_age_check,
)
from tests.readings.examples import reading, rejected


def card(source=None, second="", synthetic=None, films=100, fitted=None):
    data = SimpleNamespace(
        source=source, second_source=second, synthetic_films=synthetic, films=films
    )
    return SimpleNamespace(data=data, fitted_to=fitted, document={})


CHILDREN = card()
FITTED = card(fitted=SimpleNamespace(ages=(16, 131), site="St Mary"))
BOTH = card(second="172 adult films of a second hospital")


@pytest.mark.parametrize(
    ("tags", "years"),
    [
        (("054Y",), 54),
        (("018M",), 1.5),
        (("026W",), 182 / 365.25),
        (("010D",), 10 / 365.25),
        ((" 2y",), 2),
        (("", "20200301", "20220301"), 730 / 365.25),
        (("054Y", "20200301", "20220301"), 54),  # the tag that says it counts
        (("Y",), None),
        (("999Y",), None),
        (("", "20220301", "20200301"), None),  # born after the study
        (("", "20220231", "20230101"), None),
        (("", "20200301"), None),
        ((), None),
    ],
)
def test_the_age_is_read_from_age_or_dates(tags, years):
    assert age_in_years(*tags) == (None if years is None else pytest.approx(years))


@pytest.mark.parametrize(
    ("age", "of", "reason"),
    [
        (
            54,
            CHILDREN,
            "older than the films that the model was trained on (children of 1–5 years)",
        ),
        (0.9, CHILDREN, "younger than"),
        (1.0, CHILDREN, ""),
        (2, CHILDREN, ""),
        (5.99, CHILDREN, ""),
        (6, CHILDREN, "older than"),
        (None, CHILDREN, ""),
        (54, BOTH, ""),
        (16, BOTH, ""),
        (10, BOTH, "of an age between the films that the model was trained on (children of 1–5 "),
        (2, BOTH, ""),
        (0.1, BOTH, "younger than"),
        (54, card(source="Own films, patients of 6–14 years"), "older than"),
        (14.5, card(source="Own films, patients of 6–14 years"), ""),
        (54, card(source="Films of one clinic"), ""),  # no ages named: nothing to compare with
        (54, card(synthetic=100), ""),
    ],
)
def test_who_is_outside_the_population_of_the_card(age, of, reason):
    found = outside_population(age, of)
    assert (reason in found) if reason else found == ""


def test_a_missing_age_is_said_with_the_population():
    assert check_age(None, BOTH) == AgeCheck(
        "Age not given. The model was trained on films of children of 1–5 years and adults.", ""
    )
    assert (
        check_age(2, CHILDREN).words == "Age inside the model's population: children of 1–5 years."
    )
    assert check_age(None, card(source="Films of one clinic")).words == "Age not given."
    assert ages_of(card(source="Films of one clinic")) == ()


def test_a_film_outside_is_referred_and_its_age_is_not_in_the_answer():
    check = check_age(54, CHILDREN)
    found = with_age_check(reading(), check)
    assert (found.decision, found.gate_ok) == (Decision.REFER, False)
    assert found.message.startswith("Outside what this model can read: The patient is older than")
    assert found.gate_reasons == (check.outside,)
    assert found.p_pneumonia == reading().p_pneumonia
    assert "54" not in found.message


def test_a_film_inside_and_a_rejected_picture_stay_as_they_are():
    inside, outside = check_age(2, CHILDREN), check_age(54, CHILDREN)
    made, refused = reading(), rejected()
    assert with_age_check(made, inside) is made
    assert with_age_check(refused, outside) is refused


def test_a_model_fitted_to_a_hospital_reads_the_ages_of_its_films():
    assert outside_population(54, FITTED) == ""
    assert "children of 1–5 years and patients of 16 years and over (St Mary)" in (
        outside_population(10, FITTED)
    )
    assert outside_population(54, card(fitted=SimpleNamespace(ages=(), site="X"))) != ""
