"""A run's settings as a command, as JSON and as a learning-rate curve."""

import json
import shlex
from dataclasses import replace

import numpy as np
import pytest

from pneumo_core.errors import TrainingError
from pneumo_core.training.plan.settings import (
    command_line,
    command_words,
    learning_rates,
    parse_choices,
    settings_json,
)
from pneumo_core.training.plan.weights import is_for
from pneumo_core.training.recipe import Recipe, make_recipe


def test_a_recipe_is_written_as_the_command_that_makes_it():
    recipe = make_recipe("quick", backbone="cnn", batch=8, dropout=0.4, class_weights=False)
    words = command_words(replace(recipe, robustness=True), ["my films"])
    assert words[:6] == ["train", "my films", "--preset", "quick", "--backbone", "cnn"]
    assert words[6:] == [
        *("--batch", "8", "--set", "dropout=0.4", "--set", "class_weights=false", "--robustness"),
        *("--task", "three-class"),
    ]
    line = command_line(recipe, ["my films"])
    assert shlex.split(line)[:5] == ["python", "-m", "pneumo_core", "train", "my films"]


def test_what_is_set_on_the_command_line_has_the_recipes_types():
    found = parse_choices(["dropout=0.4", "class-weights=no", "patience=2", "trained_from=head"])
    assert found == {
        "dropout": 0.4,
        "class_weights": False,
        "patience": 2,
        "trained_from": "head",
    }
    assert make_recipe("quick", backbone="cnn", **found).patience == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("dropout", "Expected --set NAME=VALUE with a name out of backbone, "),
        ("nothing=1", "'nothing=1'"),
        ("patience=few", "Expected a whole number for patience; got 'few'"),
        ("augment=perhaps", "Expected true or false for augment"),
        ("dropout=much", "Expected a number for dropout"),
    ],
)
def test_what_cannot_be_set_is_told(words, message):
    with pytest.raises(TrainingError, match=message):
        parse_choices([words])


def test_json_holds_the_whole_recipe():
    recipe = make_recipe("standard", backbone="cnn")
    assert Recipe(**json.loads(settings_json(recipe))) == recipe


@pytest.mark.keras
def test_the_curve_is_that_of_the_training():
    import keras

    recipe = make_recipe("standard", backbone="cnn", epochs=10)
    total, warm = 1000, 80
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate * 0.02,
        decay_steps=total - warm,
        warmup_target=recipe.learning_rate,
        warmup_steps=warm,
        alpha=0.01,
    )
    epochs, rates = learning_rates(recipe, points=11)
    np.testing.assert_allclose(epochs, np.arange(11))
    trained = [float(schedule(step)) for step in np.linspace(0, total, 11)]
    np.testing.assert_allclose(rates, trained, rtol=1e-4)


def test_a_weights_file_is_known_by_its_name(tmp_path):
    file = tmp_path / "resnet50v2_imagenet_notop.weights.h5"
    assert is_for(file, "resnet50v2")
    assert not is_for(file, "resnet50")
    assert is_for(tmp_path / "mobilenet_v2_weights_notop.h5", "mobilenetv2")
    assert not is_for(tmp_path / "mine.weights.h5", "cnn")
