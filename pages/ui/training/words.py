"""The choices of a training in words: what each is called and what it means, in one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core.training.network import find_backbone
from pneumo_core.training.recipe import PRECISIONS

if TYPE_CHECKING:
    from pneumo_core.training.recipe import Recipe

BACKBONES = {
    "cnn": "Five blocks of our own, trained from scratch: minutes on two cores.",
    "mobilenetv2": "Small and quick, made for telephones.",
    "resnet50v2": "The network of the shipped model, cut after its fourth stage.",
    "efficientnetv2b0": "Small; slow to start, because it has many layers.",
    "densenet121": "Often used for chest films; needs more memory.",
    "densenet169": "As DenseNet121 and deeper: needs the most memory.",
    "resnet50": "The usual first choice; the slowest of these on a CPU.",
}
WEIGHTS = {
    "imagenet": "ImageNet, by download",
    "file": "Local file",
    "none": "None: from scratch",
}
WEIGHTS_MEANING = {
    "imagenet": "Keras fetches them once (10 to 100 MB) and keeps them.",
    "file": "A weights file of this network without its top, for a machine without internet.",
    "none": "The network knows nothing yet: more films and more epochs are needed.",
}
TASKS = {
    "three-class": "Normal, bacterial, viral",
    "binary": "Normal, pneumonia",
}


@dataclass(frozen=True)
class Setting:
    """A setting that is folded away: its name in the recipe, its label, its meaning, its kind.

    kind: "whole", "number", "yes" or a tuple of choices ("" is the network's own); low, high: of
    numbers.
    """

    name: str
    label: str
    meaning: str
    kind: str | tuple[str, ...]
    low: float = 0.0
    high: float = 1.0


MORE = (
    Setting(
        "folds",
        "Folds",
        "1 holds a fifth of the patients out; 5 trains five networks.",
        "whole",
        1,
        10,
    ),
    Setting(
        "batch", "Films a step", "Fewer need less memory; more use a GPU better.", "whole", 1, 512
    ),
    Setting(
        "learning_rate", "Learning rate", "How far a step goes at most; lower it on NaN.", "number"
    ),
    Setting(
        "patience",
        "Patience",
        "Epochs without a better validation AUC that are waited for.",
        "whole",
        1,
        100,
    ),
    Setting(
        "trained_from",
        "What is trained",
        "A pretrained network keeps what it knows below: its upper blocks, its head alone, or all.",
        ("", "head", "all"),
    ),
    Setting(
        "hold_out",
        "Held out",
        "Patients at random; or ranges of file numbers, a harder check where these mean months.",
        ("patients", "numbers"),
    ),
    Setting(
        "framing_weights",
        "Against framing",
        "0: all films count alike; 1: those count more whose framing does not tell their class.",
        "number",
    ),
    Setting(
        "least_area",
        "Smallest crop",
        "Share of a film that augmentation keeps at least.",
        "number",
        0.05,
    ),
    Setting(
        "robustness",
        "Robustness suite",
        "Reads the films held out in some forty further views, once the model is written.",
        "yes",
    ),
    Setting("class_weights", "Class weights", "Rare classes count as much as common ones.", "yes"),
    Setting(
        "augment", "Augmentation", "Every film is seen cropped, turned and shaded anew.", "yes"
    ),
    Setting(
        "label_smoothing",
        "Label smoothing",
        "How far short of certain the labels are.",
        "number",
        0.0,
        0.5,
    ),
    Setting(
        "dropout", "Dropout", "Share of the features that a step leaves out.", "number", 0.0, 0.9
    ),
    Setting("weight_decay", "Weight decay", "How strongly weights are held small.", "number"),
    Setting(
        "precision", "Precision", "auto: bfloat16 where the machine multiplies in it.", PRECISIONS
    ),
    Setting("seed", "Seed", "The same seed and films give the same run.", "whole", 0, 2**31 - 1),
)


def backbone_title(name: str) -> str:
    """What a network is called: "ResNet50"."""
    return find_backbone(name).application or "Small CNN"


def sentence(recipe: Recipe, where: str, time: str) -> str:
    """What will run: "ResNet50, ImageNet weights, 160 px, 5 epochs on 2 CPU cores: about …"."""
    start = {"imagenet": "ImageNet weights", "none": "from scratch"}.get(
        recipe.weights, "weights of a local file"
    )
    epochs = "1 epoch" if recipe.epochs == 1 else f"{recipe.epochs} epochs"
    if recipe.folds > 1:
        epochs += f" in each of {recipe.folds} folds and once on all films"
    name = backbone_title(recipe.backbone)
    return f"{name}, {start}, {recipe.size} px, {epochs} on {where}: {time}"
