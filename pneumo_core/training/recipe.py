"""What a training run is made of, and the presets that fill it in."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pneumo_core.errors import TrainingError
from pneumo_core.training.network import THREE_CLASSES, TWO_CLASSES, check_weights, find_backbone
from pneumo_core.training.plan.parent import is_parent, load_parent

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")


@dataclass(frozen=True)
class Recipe:
    """Every choice that shapes a trained network; saved with the run and in the card."""

    preset: str = "standard"
    backbone: str = "resnet50"
    weights: str = "imagenet"  # "imagenet", "none", a local weights file, or a model's name
    trained_from: str = ""  # first trained block; "" is the backbone's own, "head", "all"
    task: str = "three-class"  # or "binary"
    size: int = 224
    frame: str = "whole"  # what the network sees of a film; or "lungs": a frame set by them
    epochs: int = 12
    batch: int = 32
    learning_rate: float = 3e-4
    lower_rate: float = 0.3  # of learning_rate, for trained blocks below the backbone's own first
    head_first: float = 0.03  # share of all steps in which the head learns alone
    # Share of all steps after these, over which layers wake one after the other from the top;
    # 0: all at once, as the presets were measured.
    thaw: float = 0.0
    weight_decay: float = 0.02
    warm_up: float = 0.08  # share of all steps
    label_smoothing: float = 0.06
    ema_momentum: float = 0.995
    dropout: float = 0.2
    # Epochs without a better validation AUC, after which the best one counts; 0: no choice is made
    # on the held-out films, and the last epoch counts.
    patience: int = 4
    class_weights: bool = True  # within each source, where there are several
    leave_source_out: bool = False  # of several sources, a network without each, measured on it
    augment: bool = True
    least_area: float = 0.5  # smallest share of a film's area that a training crop keeps
    framing_weights: float = 0.5  # 0: all films alike; 1: a film counts for what framing hides
    folds: int = 1  # 1 holds one fifth of the patients out; K trains K out-of-fold models as well
    measured_folds: int = 0  # of the K, how many are trained and measured; 0 is all
    hold_out: str = "patients"  # at random, or "numbers": a range of numbers of every series
    robustness: bool = True  # whether the robustness suite is run once the model is written
    stress_films: int = 400  # held-out films of a fold that the suite perturbs; 0 is all
    seed: int = 7
    precision: str = "auto"  # "auto", "float32", "mixed_bfloat16", "mixed_float16"

    @property
    def classes(self) -> tuple[str, ...]:
        """The network's classes in the order of its logits; the first is always normal."""
        return THREE_CLASSES if self.task == "three-class" else TWO_CLASSES

    @property
    def held_out_folds(self) -> int:
        """How many folds are trained and measured."""
        return self.measured_folds or self.folds

    @property
    def fits(self) -> int:
        """How many networks are trained: one a fold and, of several folds, one of all films."""
        return self.held_out_folds + (self.folds > 1)

    def as_dict(self) -> dict[str, Any]:
        """A JSON-ready copy."""
        return asdict(self)


@dataclass(frozen=True)
class Preset:
    """A named set of choices and what to expect of it."""

    promise: str
    choices: dict[str, Any] = field(default_factory=dict)


PRESETS = {
    "quick": Preset(
        "a first result in minutes on two cores: small films, three epochs",
        {
            "size": 128,
            "epochs": 3,
            "learning_rate": 3e-4,
            "ema_momentum": 0.98,
            "robustness": False,
        },
    ),
    "standard": Preset(
        "the upper blocks trained, one fifth of the patients held out: under 40 minutes on two "
        "recent cores with resnet50v2; resnet50 takes three times as long",
        {"size": 224, "epochs": 12},
    ),
    "full": Preset(
        "the recipe of the first model: every block trained, out-of-fold predictions from five "
        "folds, then a model of all films; with resnet50v2 minutes on a large GPU, most of a day "
        "on two cores",
        {
            "size": 224,
            "epochs": 36,
            "batch": 64,
            "learning_rate": 4e-4,
            "ema_momentum": 0.998,
            "head_first": 0.0,
            "trained_from": "all",
            "least_area": 0.3,
            "patience": 0,
            "folds": 5,
            "stress_films": 0,
        },
    ),
}


def make_recipe(preset: str = "standard", **choices: Any) -> Recipe:
    """The preset's recipe with `choices` laid over it (None leaves the preset's value).

    Raises TrainingError for an unknown preset or a value that cannot be trained.
    """
    _one_of("preset", preset, tuple(PRESETS))
    chosen = {name: value for name, value in choices.items() if value is not None}
    usual, weights = PRESETS[preset].choices, chosen.get("weights", "imagenet")
    check_weights(weights)
    if is_parent(weights):
        usual = {**usual, **_followed(weights, chosen)}
    recipe = replace(Recipe(preset=preset), **{**usual, **chosen})
    find_backbone(recipe.backbone)
    if recipe.backbone == "cnn" and not is_parent(weights):
        if chosen.get("weights", "none") != "none":
            raise TrainingError(
                "Expected no --weights with the backbone cnn: it has no pretrained ones."
            )
        recipe = replace(recipe, weights="none")
    _check(recipe)
    return recipe


def _followed(name: str, chosen: dict[str, Any]) -> dict[str, Any]:
    """What a recipe takes over from the model it starts from."""
    parent = load_parent(name)
    if chosen.get("backbone", parent.backbone) != parent.backbone:
        raise TrainingError(
            f"Expected the backbone of the model {name}, {parent.backbone}; got "
            f"{chosen['backbone']}. Leave --backbone out."
        )
    return parent.defaults


def _check(recipe: Recipe) -> None:
    """Raise TrainingError for a value that cannot be trained."""
    if recipe.size % 32 or not 64 <= recipe.size <= 512:
        raise TrainingError(
            f"Expected an image size of 64 to 512 divisible by 32; got {recipe.size}. "
            "Try 160 or 224."
        )
    if not 0 <= recipe.measured_folds <= recipe.folds:
        raise TrainingError(
            f"Expected measured_folds of 0 (all) to {recipe.folds}; got {recipe.measured_folds}."
        )
    for name in ("epochs", "folds", "batch"):
        if getattr(recipe, name) < 1:
            raise TrainingError(f"Expected {name} of at least 1; got {getattr(recipe, name)}.")
    if not 0 <= recipe.thaw <= 1 - recipe.head_first:
        raise TrainingError(
            f"Expected thaw of 0 to {1 - recipe.head_first:.2f}, a share of all steps; "
            f"got {recipe.thaw}."
        )
    if not recipe.learning_rate > 0:
        raise TrainingError(f"Expected a positive learning_rate; got {recipe.learning_rate}.")
    _one_of("task", recipe.task, ("three-class", "binary"))
    _one_of("precision", recipe.precision, PRECISIONS)
    _one_of("hold_out", recipe.hold_out, ("patients", "numbers"))
    _one_of("frame", recipe.frame, ("whole", "lungs"))


def _one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise TrainingError(f"Expected a {what} out of {', '.join(known)}; got {value!r}.")
