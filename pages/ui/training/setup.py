"""The settings of the next run: the few that matter, the rest folded away with their meaning."""

from __future__ import annotations

from dataclasses import dataclass, fields
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui import cache
from pages.ui.dataset.source import show_chooser, show_making
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


SIZES = (64, 96, 128, 160, 192, 224, 256, 288, 320, 384, 448, 512)
_KEPT: Any = "session"  # over a visit to another page


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
        persist_state=_KEPT,
        format_func=str.capitalize,
    )
    st.caption(f"{PRESETS[preset].promise[:1].upper()}{PRESETS[preset].promise[1:]}.")
    usual = make_recipe(preset, backbone="cnn")
    choices: dict[str, Any] = {"backbone": _backbone()}
    weights = _weights(choices["backbone"])
    task, size, epochs = st.columns([2, 1, 1], gap="small")
    with task:
        choices["task"] = st.selectbox(
            "Task", list(TASKS), format_func=TASKS.get, key="training.task", persist_state=_KEPT
        )
    with size:
        choices["size"] = st.selectbox(
            "Size (pixels)",
            SIZES,
            index=SIZES.index(usual.size),
            key=f"training.size.{preset}",
            persist_state=_KEPT,
        )
    with epochs:
        choices["epochs"] = st.number_input(
            *("Epochs", 1, 500, usual.epochs),
            key=f"training.epochs.{preset}",
            persist_state=_KEPT,
        )
    with st.expander("More settings"):
        choices |= _more(usual, preset)
    if weights is not None and weights not in WEIGHTS:
        weights = _checked(weights, settings)
    return make_recipe(preset, weights=weights, **choices)


def _backbone() -> str:
    chosen: str = st.selectbox(
        "Network",
        list(BACKBONES),
        format_func=backbone_title,
        key="training.backbone",
        persist_state=_KEPT,
    )
    st.caption(BACKBONES[chosen])
    return chosen


def _weights(backbone: str) -> str | None:
    """Where the network starts from, or the file that was typed; None for one that has no
    pretrained weights.
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
        persist_state=_KEPT,
    )
    st.caption(WEIGHTS_MEANING[chosen])
    if chosen != "file":
        return str(chosen)
    typed = st.text_input(
        "Weights file",
        placeholder="/home/me/resnet50_notop.weights.h5",
        key="training.weights.file",
        persist_state=_KEPT,
    )
    return str(typed).strip()


def _checked(typed: str, settings: Settings) -> str:
    """The file that was typed, if it lies where this screen may look. Raises TrainingError."""
    if not typed:
        raise TrainingError("Expected a weights file, got nothing. Type where it is.")
    try:
        path = check_folder(Path(typed).parent, settings=settings) / Path(typed).name
    except DataSetError as error:
        raise TrainingError(
            f"Expected a weights file in a folder that may be opened from here; {typed} is in "
            "none. Copy it there, or name its folder in the variable PNEUMO_DATA_ROOTS and start "
            "the app again."
        ) from error
    if not path.is_file():
        raise TrainingError(f"Expected a weights file, got {typed}, which is none. Check the path.")
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
        "persist_state": _KEPT,
    }
    if setting.kind == "yes":
        return st.toggle(setting.label, usual, **about)
    if isinstance(setting.kind, tuple):
        at = setting.kind.index(usual)
        return st.selectbox(
            setting.label, setting.kind, index=at, format_func=lambda name: name or "usual", **about
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


_FIRST = "First the films to learn from. Synthetic ones are drawn in seconds and show no patient."


def show_source(settings: Settings) -> tuple[Source, Material] | None:
    """The data set with its counts, and the way to another one; None where there is none yet."""
    if show_making(settings):
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
    note = badge("synthetic") if source.kind == "synthetic" else ""
    st.html(
        f'<p class="pn-name">{escape(source.path.name)} {note}</p>'
        f'<p class="pn-aside">{escape(found.sentence())}</p>'
    )
    with st.expander("Another data set"):
        show_chooser(settings, source.kind)
    return source, found
