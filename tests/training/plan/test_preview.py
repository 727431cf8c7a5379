"""What a training will see and build, before it starts."""

import numpy as np
import pandas as pd
import pytest

from pneumo_core.bundle.framing import Framing
from pneumo_core.progress import silent
from pneumo_core.training.dataset import Corpus
from pneumo_core.training.plan.preview import (
    EXAMPLES,
    example_file,
    network_parts,
    read_preview,
    write_preview,
)
from pneumo_core.training.recipe import make_recipe

pytestmark = [pytest.mark.keras, pytest.mark.usefixtures("eager")]


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
