"""A run's settings as a command, as JSON and as a learning-rate curve."""

import json
import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pneumo_core.bundle.framing import Framing
from pneumo_core.errors import TrainingError
from pneumo_core.progress import silent
from pneumo_core.training.dataset import Corpus
from pneumo_core.training.network import is_for
from pneumo_core.training.plan.settings import (
    EXAMPLES,
    command_line,
    command_words,
    example_file,
    learning_rates,
    network_parts,
    parse_choices,
    read_preview,
    settings_json,
    write_preview,
)
from pneumo_core.training.recipe import Recipe, make_recipe

pytestmark = [pytest.mark.keras, pytest.mark.usefixtures("eager")]


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


@pytest.fixture
def corpus():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 64, 64), dtype=np.uint8)
    index = pd.DataFrame({"source": ["films"] * 40})
    labels, fold = np.arange(40) % 3, np.arange(40) % 5
    return Corpus(index, pixels, labels, fold, Framing(64, None, None), pixels)


def test_sixteen_examples_are_written_with_their_labels(corpus, tmp_path):
    recipe = make_recipe("quick", backbone="cnn", size=64)
    assert read_preview(tmp_path) is None
    made = write_preview(recipe, corpus, tmp_path, silent)
    assert read_preview(tmp_path) == made
    assert len(made.labels) == EXAMPLES
    assert set(made.labels) <= {*recipe.classes, "lungs painted over: no class"}
    assert all(example_file(tmp_path, number).is_file() for number in range(EXAMPLES))


def test_a_network_from_scratch_is_trained_as_a_whole():
    parts = network_parts(make_recipe("quick", backbone="cnn", size=64))
    assert [part.name for part in parts][:2] == ["input", "block0"]
    first = parts[1]
    # 3×3 over three equal channels to 24, and batch normalisation's four vectors, two trained.
    assert (first.parameters, first.trainable) == (3 * 3 * 3 * 24 + 4 * 24, 3 * 3 * 3 * 24 + 48)
    assert first.multiply_adds == 3 * 3 * 3 * 24 * 64 * 64
    head = parts[-1]
    assert (head.name, head.output, head.multiply_adds) == ("head", (3,), 256 * 3)


def test_of_a_pretrained_network_the_lower_blocks_are_frozen():
    parts = {part.name: part for part in network_parts(make_recipe("quick", backbone="resnet50v2"))}
    assert parts["conv2"].trainable == 0 < parts["conv2"].parameters
    assert 0 < parts["conv4"].trainable < parts["conv4"].parameters
    assert sum(part.parameters for part in parts.values()) == 8_580_611
