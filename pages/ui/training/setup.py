"""The settings of the next run, each explained, and its data set."""

from __future__ import annotations

from dataclasses import dataclass, fields
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui import cache
from pages.ui.dataset.source import show_chooser, show_source_job
from pages.ui.html import badge
from pages.ui.page import plain
from pneumo_core.dataset.sources import check_folder, remembered_source
from pneumo_core.errors import DataSetError, TrainingError
from pneumo_core.training.network import find_backbone
from pneumo_core.training.recipe import PRECISIONS, PRESETS, Recipe, make_recipe

if TYPE_CHECKING:
    from pneumo_core.config import Settings
    from pneumo_core.dataset.sources import Source
    from pneumo_core.training.dataset import Material


BACKBONES = {
    "cnn": "Five blocks, trained from scratch: minutes on two cores.",
    "mobilenetv2": "Small and fast, designed for phones.",
    "resnet50v2": "The network of the shipped model, truncated after its fourth stage.",
    "efficientnetv2b0": "Small; slow to start, as it has many layers.",
    "densenet121": "Common for chest radiographs; needs more memory.",
    "densenet169": "A deeper DenseNet121: needs the most memory.",
    "resnet50": "The standard baseline; the slowest of these on a CPU.",
}
WEIGHTS = {
    "imagenet": "ImageNet (download)",
    "file": "Local file",
    "none": "None (from scratch)",
}
WEIGHTS_MEANING = {
    "imagenet": "Downloaded once by Keras (10 to 100 MB), then cached.",
    "file": "A weights file of this network without its top, for machines without internet access.",
    "none": "Random initial weights: needs more films and more epochs.",
}
TASKS = {
    "three-class": "Normal, bacterial, viral",
    "binary": "Normal, pneumonia",
}
SIZES = (64, 96, 128, 160, 192, 224, 256, 288, 320, 384, 448, 512)
_PERSIST: Any = "session"  # over a visit to another page
_FIRST = "First choose the films to train on. Synthetic ones take seconds and show no patient."


@dataclass(frozen=True)
class Setting:
    """A setting that is folded away: its name in the recipe, its label, its meaning, its kind.

    kind: "whole", "number", "yes" or a tuple of choices ("" is the network's default); low, high:
    of numbers.
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
        "1: one validation fold, a fifth of the patients. 5: five-fold cross-validation.",
        "whole",
        1,
        10,
    ),
    Setting(
        "batch",
        "Batch size",
        "Smaller needs less memory; larger uses a GPU better.",
        "whole",
        1,
        512,
    ),
    Setting(
        "learning_rate",
        "Learning rate",
        "Peak learning rate; lower it if the loss becomes NaN.",
        "number",
    ),
    Setting(
        "patience",
        "Patience",
        "Epochs without a better validation AUC before training stops.",
        "whole",
        1,
        100,
    ),
    Setting(
        "trained_from",
        "Trainable layers",
        "Of a pretrained network: the upper blocks (default), the head only, or all layers.",
        ("", "head", "all"),
    ),
    Setting(
        "hold_out",
        "Validation fold",
        "Patients at random, or ranges of file numbers: a harder test where these follow time.",
        ("patients", "numbers"),
    ),
    Setting(
        "framing_weights",
        "Framing-bias weights",
        "0: equal weights. 1: more weight on films whose framing does not predict their class.",
        "number",
    ),
    Setting(
        "least_area",
        "Smallest crop",
        "Smallest share of a film that augmentation keeps.",
        "number",
        0.05,
    ),
    Setting(
        "robustness",
        "Robustness suite",
        "Evaluates the validation fold under some forty perturbations, after the model is saved.",
        "yes",
    ),
    Setting("class_weights", "Class weights", "Rare classes weigh as much as common ones.", "yes"),
    Setting(
        "augment",
        "Augmentation",
        "Random crops, rotations and brightness changes in every epoch.",
        "yes",
    ),
    Setting(
        "label_smoothing",
        "Label smoothing",
        "Softens the labels, against overconfidence.",
        "number",
        0.0,
        0.5,
    ),
    Setting(
        "dropout", "Dropout", "Share of the features dropped at each step.", "number", 0.0, 0.9
    ),
    Setting("weight_decay", "Weight decay", "Strength of the penalty on large weights.", "number"),
    Setting("precision", "Precision", "auto: bfloat16 where the hardware supports it.", PRECISIONS),
    Setting("seed", "Seed", "The same seed and data give the same run.", "whole", 0, 2**31 - 1),
)


def show_source(settings: Settings) -> tuple[Source, Material] | None:
    """The data set with its counts, and the choice of another; None where there is none yet."""
    if show_source_job(settings):
        return None
    source = remembered_source(settings=settings)
    if source is None:
        st.info(_FIRST, icon=":material/folder_open:")
        show_chooser(settings, "synthetic")
        return None
    try:
        found = cache.material_of(source.path)
    except DataSetError as error:
        st.error(plain(str(error)), icon=":material/error:")
        show_chooser(settings)
        return None
    note = badge("Synthetic") if source.kind == "synthetic" else ""
    st.html(
        f'<p class="pn-name">{escape(source.path.name)} {note}</p>'
        f'<p class="pn-aside">{escape(found.sentence())}</p>'
    )
    with st.expander("Change data set"):
        show_chooser(settings, source.kind, primary=False)
    return source, found


def show_settings(settings: Settings) -> Recipe:
    """The settings as widgets, and the recipe they make. Raises TrainingError for an impossible
    one.
    """
    preset = st.segmented_control(
        "Preset",
        list(PRESETS),
        default="quick",
        required=True,
        key="training.preset",
        persist_state=_PERSIST,
        format_func=str.capitalize,
    )
    st.caption(f"{PRESETS[preset].promise[:1].upper()}{PRESETS[preset].promise[1:]}.")
    usual = make_recipe(preset, backbone="cnn")
    choices: dict[str, Any] = {"backbone": _backbone()}
    weights = _weights(choices["backbone"])
    task, size, epochs = st.columns([2, 1, 1], gap="small")
    with task:
        choices["task"] = st.selectbox(
            "Task", list(TASKS), format_func=TASKS.get, key="training.task", persist_state=_PERSIST
        )
    with size:
        choices["size"] = st.selectbox(
            "Size (pixels)",
            SIZES,
            index=SIZES.index(usual.size),
            key=f"training.size.{preset}",
            persist_state=_PERSIST,
        )
    with epochs:
        choices["epochs"] = st.number_input(
            *("Epochs", 1, 500, usual.epochs),
            key=f"training.epochs.{preset}",
            persist_state=_PERSIST,
        )
    with st.expander("More settings"):
        choices |= _more(usual, preset)
    if weights is not None and weights not in WEIGHTS:
        weights = _checked(weights, settings)
    return make_recipe(preset, weights=weights, **choices)


def sentence(recipe: Recipe, where: str, time: str) -> str:
    """The plan: "ResNet50, ImageNet weights, 160 px, 5 epochs on 2 CPU cores: about …"."""
    start = {"imagenet": "ImageNet weights", "none": "from scratch"}.get(
        recipe.weights, "weights of a local file"
    )
    epochs = "1 epoch" if recipe.epochs == 1 else f"{recipe.epochs} epochs"
    if recipe.folds > 1:
        epochs += f" in each of {recipe.folds} folds and once on all films"
    name = backbone_title(recipe.backbone)
    return f"{name}, {start}, {recipe.size} px, {epochs} on {where}: {time}"


def backbone_title(name: str) -> str:
    """The name of a network: "ResNet50"."""
    return find_backbone(name).application or "Small CNN"


def _backbone() -> str:
    chosen: str = st.selectbox(
        "Network",
        list(BACKBONES),
        format_func=backbone_title,
        key="training.backbone",
        persist_state=_PERSIST,
    )
    st.caption(BACKBONES[chosen])
    return chosen


def _weights(backbone: str) -> str | None:
    """The initial weights, or the file that was typed; None for a network without pretrained
    weights.
    """
    if backbone == "cnn":
        return None
    chosen = st.segmented_control(
        "Start from",
        list(WEIGHTS),
        default="imagenet",
        required=True,
        format_func=WEIGHTS.get,
        key="training.weights",
        persist_state=_PERSIST,
    )
    st.caption(WEIGHTS_MEANING[chosen])
    if chosen != "file":
        return str(chosen)
    typed = st.text_input(
        "Weights file",
        placeholder="/home/me/resnet50_notop.weights.h5",
        key="training.weights.file",
        persist_state=_PERSIST,
    )
    return str(typed).strip()


def _checked(typed: str, settings: Settings) -> str:
    """The file that was typed, if it is in an allowed folder. Raises TrainingError."""
    if not typed:
        raise TrainingError("Expected a weights file, got nothing. Enter its path.")
    try:
        path = check_folder(Path(typed).parent, settings=settings) / Path(typed).name
    except DataSetError as error:
        raise TrainingError(
            f"Expected a weights file in a folder that may be opened from here, got {typed}. Copy "
            "it to such a folder, or ask your administrator to allow its own."
        ) from error
    if not path.is_file():
        raise TrainingError(
            f"Expected a weights file, got {typed}, which does not exist. Check the path."
        )
    return str(path)


def _more(usual: Recipe, preset: str) -> dict[str, Any]:
    """The settings that differ from the preset's."""
    known = {field.name for field in fields(Recipe)}
    chosen = {}
    shown = [setting for setting in MORE if setting.name in known]
    for first in range(0, len(shown), 2):
        for setting, column in zip(shown[first : first + 2], st.columns(2), strict=False):
            with column:
                value = _widget(setting, getattr(usual, setting.name), preset)
                st.caption(setting.meaning)
            if value != getattr(usual, setting.name):
                chosen[setting.name] = value
    return chosen


def _widget(setting: Setting, usual: Any, preset: str) -> Any:
    about: dict[str, Any] = {
        "key": f"training.{setting.name}.{preset}",
        "persist_state": _PERSIST,
    }
    if setting.kind == "yes":
        return st.toggle(setting.label, usual, **about)
    if isinstance(setting.kind, tuple):
        at = setting.kind.index(usual)
        return st.selectbox(
            setting.label,
            setting.kind,
            index=at,
            format_func=lambda name: name or "default",
            **about,
        )
    if setting.kind == "whole":
        return st.number_input(
            *(setting.label, int(setting.low), int(setting.high), int(usual)), **about
        )
    return st.number_input(
        *(setting.label, setting.low, setting.high, float(usual), usual / 2 or 0.01),
        format="%g",
        **about,
    )
