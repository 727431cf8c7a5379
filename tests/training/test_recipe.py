import pytest

from pneumo_core.errors import TrainingError
from pneumo_core.training.recipe import PRESETS, Recipe, make_recipe


def test_the_standard_recipe_is_the_default_backbone_at_224():
    recipe = make_recipe("standard")
    assert (recipe.backbone, recipe.weights, recipe.size) == ("resnet50", "imagenet", 224)
    assert recipe.classes == ("normal", "bacterial", "viral")


def test_choices_lie_over_the_preset_and_none_leaves_it():
    recipe = make_recipe("quick", epochs=7, size=None, task="binary")
    assert (recipe.epochs, recipe.size) == (7, PRESETS["quick"].choices["size"])
    assert recipe.classes == ("normal", "pneumonia")


def test_quick_leaves_the_robustness_suite_out_unless_it_is_asked_for():
    suites = {name: make_recipe(name).robustness for name in PRESETS}
    assert suites == {"quick": False, "standard": True, "full": True}
    assert make_recipe("quick", robustness=True).robustness


def test_a_network_from_scratch_asks_for_no_imagenet_weights():
    assert make_recipe("quick", backbone="cnn").weights == "none"


def test_a_recipe_survives_being_written_down():
    recipe = make_recipe("full", seed=3)
    assert Recipe(**recipe.as_dict()) == recipe


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"preset": "slow"}, "Expected a preset out of quick, standard, full; got 'slow'"),
        ({"backbone": "vgg"}, "Expected a backbone out of resnet50, .*; got 'vgg'"),
        ({"size": 200}, "Expected an image size of 64 to 512 divisible by 32; got 200"),
        ({"size": 1024}, "got 1024"),
        ({"epochs": 0}, "Expected epochs of at least 1; got 0"),
        ({"folds": 0}, "Expected folds of at least 1; got 0"),
        ({"task": "four"}, "Expected a task out of three-class, binary; got 'four'"),
        ({"precision": "half"}, "Expected a precision out of auto, float32"),
        ({"backbone": "cnn", "weights": "imagenet"}, "Expected no --weights with the backbone cnn"),
        ({"weights": "gone.h5"}, "'gone.h5' is none of them"),
        ({"learning_rate": -1.0}, "Expected a positive learning_rate; got -1.0"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_words(choices, words):
    with pytest.raises(TrainingError, match=words):
        make_recipe(**choices)
