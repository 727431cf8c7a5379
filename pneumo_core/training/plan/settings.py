"""What a run would do, before it starts: its settings as a command line and as JSON, the
learning-rate curve, augmented examples with their labels, the network.
"""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.errors import TrainingError
from pneumo_core.storage import write_atomic
from pneumo_core.training.recipe import PRESETS, Recipe, make_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.progress import Progress
    from pneumo_core.training.dataset import Corpus

# Fields of the recipe that `train` has an option of its own for; the others go by --set.
OPTIONS = {
    "backbone": "--backbone",
    "weights": "--weights",
    "task": "--task",
    "size": "--size",
    "frame": "--frame",
    "epochs": "--epochs",
    "batch": "--batch",
    "folds": "--folds",
    "learning_rate": "--learning-rate",
    "thaw": "--thaw",
    "hold_out": "--hold-out",
    "measured_folds": "--measured-folds",
    "seed": "--seed",
    "precision": "--precision",
}
_KINDS = {field.name: type(getattr(Recipe(), field.name)) for field in fields(Recipe)}
_TRUE, _FALSE = {"true", "yes", "1", "on"}, {"false", "no", "0", "off"}
EXAMPLES = 16
SUMMARY = "summary.json"


def parse_choices(given: Sequence[str]) -> dict[str, Any]:
    """The recipe's fields out of words NAME=VALUE. Raises TrainingError."""
    return dict(_choice(words) for words in given)


def _choice(words: str) -> tuple[str, Any]:
    name, sign, value = words.partition("=")
    name = name.strip().replace("-", "_")
    if not sign or name not in _KINDS or name == "preset":
        known = ", ".join(name for name in _KINDS if name != "preset")
        raise TrainingError(f"Expected --set NAME=VALUE with a name out of {known}; got {words!r}.")
    kind = _KINDS[name]
    try:
        if kind is bool:
            return name, {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}[value]
        return name, kind(value)
    except (ValueError, KeyError) as error:
        wanted = "true or false" if kind is bool else {int: "a whole number", float: "a number"}
        what = wanted if isinstance(wanted, str) else wanted.get(kind, "a word")
        raise TrainingError(f"Expected {what} for {name}; got {value!r}.") from error


def command_words(recipe: Recipe, data: Sequence[str]) -> list[str]:
    """The words after `python -m pneumo_core` that start such a run on the folders `data`."""
    usual = usual_recipe(recipe).as_dict()
    words = ["train", *data, "--preset", recipe.preset, "--backbone", recipe.backbone]
    for name, value in recipe.as_dict().items():
        if value == usual[name] or name in {"preset", "backbone"}:
            continue
        if name in OPTIONS:
            words += [OPTIONS[name], str(value)]
        elif name == "leave_source_out":
            words.append("--leave-source-out")
        elif name == "robustness":
            words.append("--robustness" if value else "--no-robustness")
        else:
            written = str(value).lower() if isinstance(value, bool) else value
            words += ["--set", f"{name}={written}"]
    # What the films allow is chosen where no task is named.
    return words if recipe.task != usual["task"] else [*words, "--task", recipe.task]


def command_line(recipe: Recipe, data: Sequence[str]) -> str:
    """The command that starts such a run, to copy into a shell."""
    return f"python -m pneumo_core {shlex.join(command_words(recipe, data))}"


def settings_json(recipe: Recipe) -> str:
    """All settings as JSON."""
    return json.dumps(recipe.as_dict(), indent=1)


def usual_recipe(recipe: Recipe) -> Recipe:
    """The preset of such a recipe with its backbone and start, nothing else changed."""
    preset = recipe.preset if recipe.preset in PRESETS else "standard"
    weights = None if recipe.backbone == "cnn" else "imagenet"
    return make_recipe(preset, backbone=recipe.backbone, weights=weights)


def learning_rates(recipe: Recipe, points: int = 200) -> tuple[NDArray[Any], NDArray[Any]]:
    """Epochs and the learning rate there, float64 (points,): linear warm-up, then a cosine.

    As `keras.optimizers.schedules.CosineDecay` has it: from 2 % up to the peak, down to 1 % of
    where it began (Loshchilov and Hutter 2017, SGDR).
    """
    share = np.linspace(0, 1, points)
    peak, warm = recipe.learning_rate, recipe.warm_up
    start, least = 0.02 * peak, 0.01
    rising = start + (peak - start) * share / max(warm, 1e-9)
    cosine = 0.5 * (1 + np.cos(np.pi * np.clip((share - warm) / max(1 - warm, 1e-9), 0, 1)))
    falling = peak * ((1 - least) * cosine + least)
    return share * recipe.epochs, np.where(share < warm, rising, falling)


@dataclass(frozen=True)
class Part:
    """A block of the network: its layers, parameters, trainable ones, output shape, and the
    multiply-adds of one film.
    """

    name: str
    layers: int
    parameters: int
    trainable: int
    output: tuple[int, ...]
    multiply_adds: int


@dataclass(frozen=True)
class Preview:
    """The network of a recipe in parts, and what the examples in the same folder are labelled."""

    parts: tuple[Part, ...]
    labels: tuple[str, ...]

    @property
    def parameters(self) -> int:
        """Of the whole network."""
        return sum(part.parameters for part in self.parts)

    @property
    def trainable(self) -> int:
        """Parameters that are trained."""
        return sum(part.trainable for part in self.parts)

    @property
    def multiply_adds(self) -> int:
        """Of one film."""
        return sum(part.multiply_adds for part in self.parts)


def example_file(folder: Path, number: int) -> Path:
    """The picture of an example."""
    return folder / f"example-{number:02}.png"


def read_preview(folder: Path) -> Preview | None:
    """What `write_preview` left in `folder`; None where there is none."""
    try:
        found = json.loads((folder / SUMMARY).read_text("utf-8"))
        parts = tuple(Part(**{**one, "output": tuple(one["output"])}) for one in found["parts"])
        return Preview(parts, tuple(found["labels"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_preview(recipe: Recipe, corpus: Corpus, folder: Path, report: Progress) -> Preview:
    """Write sixteen examples as PNG and the summary last. Loads Keras.

    The examples pass through the augmentation of the training itself, with its seed; films that
    every fold trains on come first, as they are fed in the first epoch.
    """
    import cv2

    report("preview", 0, 2, "augmenting sixteen films")
    folder.mkdir(parents=True, exist_ok=True)
    pictures, labels = augmented(recipe, corpus)
    for number, picture in enumerate(pictures):
        _, encoded = cv2.imencode(".png", picture)
        write_atomic(example_file(folder, number), encoded.tobytes())
    report("preview", 1, 2, "building the network")
    made = Preview(tuple(network_parts(recipe)), labels)
    content = {"parts": [asdict(part) for part in made.parts], "labels": made.labels}
    write_atomic(folder / SUMMARY, json.dumps(content))
    report("preview", 2, 2, "done")
    return made


def augmented(recipe: Recipe, corpus: Corpus) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Films uint8 (16, S, S) as the network sees them in its first epoch, and their labels.

    A film whose lungs are painted over has no class.
    """
    import keras

    from pneumo_core.training.augment import Augmentation, FilmAugment
    from pneumo_core.training.batches import Films, training_feed

    rows = np.flatnonzero(corpus.fold != corpus.fold.max())
    films = Films(corpus.inputs, corpus.labels, sources=corpus.source)
    feed = training_feed(recipe, films, rows, None)
    feed.batch = min(EXAMPLES, len(rows))
    feed.start_epoch(0)
    batch, targets, _ = feed[0]
    seen = batch["film"].astype("float32")
    if recipe.augment:
        keras.utils.set_random_seed(recipe.seed)
        strength = Augmentation(area=(recipe.least_area, 1.1))
        layer = FilmAugment(strength, seed=recipe.seed, name="augment")
        seen = keras.ops.convert_to_numpy(layer([seen, batch["plan"]], training=True))
    certain = targets.max(axis=1) > 0.5
    labels = tuple(
        recipe.classes[int(target.argmax())] if sure else "lungs painted over: no class"
        for target, sure in zip(targets, certain, strict=True)
    )
    return np.clip(np.rint(seen[..., 0]), 0, 255).astype(np.uint8), labels


def network_parts(recipe: Recipe) -> list[Part]:
    """The network of a recipe by blocks, in order; its weights are random numbers here."""
    from pneumo_core.training.network import build_network, find_backbone, freeze

    spec = find_backbone(recipe.backbone)
    network = build_network(
        recipe.backbone,
        size=recipe.size,
        classes=len(recipe.classes),
        weights="none",
        dropout=recipe.dropout,
    )
    if recipe.weights != "none":
        freeze(network, recipe.trained_from or spec.trained_from or "all")
    blocks: dict[str, list[Any]] = {}
    for layer in network.layers:
        blocks.setdefault(_block_of(layer.name), []).append(layer)
    return [
        Part(
            name=name,
            layers=len(layers),
            parameters=sum(layer.count_params() for layer in layers),
            trainable=sum(
                math.prod(weight.shape) for layer in layers for weight in layer.trainable_weights
            ),
            output=tuple(int(side) for side in layers[-1].output.shape[1:]),
            multiply_adds=sum(multiply_adds(layer) for layer in layers),
        )
        for name, layers in blocks.items()
    ]


def _block_of(layer: str) -> str:
    """The block that a layer belongs to: "conv4_block2_1_conv" is of conv4."""
    if layer in {"film", "grey_to_rgb", "scaling"}:
        return "input"
    if layer in {"features", "pooled", "dropout", "logits"}:
        return "head"
    head, *rest = layer.split("_")
    return f"{head}_{rest[0]}" if head == "block" and rest else head


def multiply_adds(layer: Any) -> int:
    """Of one film through a convolution or dense layer; other layers count as 0."""
    import keras

    if isinstance(layer, keras.layers.Dense):
        return int(math.prod(layer.kernel.shape))
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        kernel = math.prod(layer.kernel.shape)
        return int(kernel * math.prod(layer.output.shape[1:3]))
    if isinstance(layer, keras.layers.Conv2D):
        return int(math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3]))
    return 0
