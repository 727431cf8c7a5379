"""The settings of the next run, each explained, or those of an earlier run; and its data set."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui import cache
from pages.ui.dataset.source import show_chooser, show_source_job
from pages.ui.html import badge
from pages.ui.page import plain
from pages.ui.training.more_settings import MORE, show_more
from pneumo_core.dataset.sources import check_folder, remembered_source
from pneumo_core.errors import DataSetError, TrainingError
from pneumo_core.formatting import capital
from pneumo_core.training.dataset import task_of
from pneumo_core.training.network import find_backbone, is_for
from pneumo_core.training.plan.parent import is_parent, load_parent
from pneumo_core.training.recipe import PRESETS, Recipe, make_recipe
from pneumo_core.training.runs.run import list_runs

if TYPE_CHECKING:
    from pneumo_core.config import Settings
    from pneumo_core.dataset.sources import Source
    from pneumo_core.training.dataset import Material
    from pneumo_core.training.recipe import Recipe

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
    "imagenet": "ImageNet",
    "file": "Local file",
    "model": "A model here",
    "none": "None",
}
WEIGHTS_MEANING = {
    "imagenet": "Downloaded once by Keras (10 to 100 MB), then cached.",
    "file": "A weights file of this network without its top, for machines without internet access.",
    "model": "Its network is fine-tuned. Films it has learnt from are never held out.",
    "none": "From scratch, with random initial weights: needs more films and more epochs.",
}
TASKS = {
    "three-class": "Normal, bacterial, viral",
    "binary": "Normal, pneumonia",
}
SIZES = (64, 96, 128, 160, 192, 224, 256, 288, 320, 384, 448, 512)
_PERSIST: Any = "session"  # over a visit to another page
_TYPED = "Another file: type its path"
_KEPT = "Kept here from an earlier download."
_NO_DOWNLOAD = (
    "These weights are not stored here and cannot be downloaded: no connection. Choose a local "
    "file, a model here, or None."
)
_NO_WEIGHTS = (
    "ResNet50 with ImageNet weights would be the first choice; they are not stored here and cannot "
    "be downloaded. Choose another network to start from a weights file or a model."
)
_FIRST = "First choose the films to train on. Synthetic ones take seconds and show no patient."
_KEY, _MOST = "training.earlier", 20


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


def show_settings(settings: Settings, found: Material | None = None) -> Recipe:
    """The settings as widgets, and the recipe they make. Raises TrainingError for an impossible
    one. found: the films, which choose the task.
    """
    offer_earlier(settings)
    at = cache.weights_of("resnet50")
    preset = st.segmented_control(
        "Preset",
        list(PRESETS),
        default="standard" if at else "quick",
        required=True,
        key="training.preset",
        persist_state=_PERSIST,
        format_func=str.capitalize,
    )
    st.caption(f"{capital(PRESETS[preset].promise)}.")
    usual = make_recipe(preset, backbone="cnn")
    choices: dict[str, Any] = {"backbone": _backbone(transfer=bool(at))}
    weights = _weights(choices["backbone"], settings)
    task, size, epochs = st.columns([2, 1, 1], gap="small")
    with task:
        choices["task"] = _task(found)
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
        choices |= show_more(usual, preset)
    if weights is not None and weights not in {"imagenet", "none"} and not is_parent(weights):
        weights = _checked(weights, settings)
    if weights is not None and is_parent(weights):
        choices["frame"] = load_parent(weights).defaults["frame"]
    return make_recipe(preset, weights=weights, **choices)


def _task(found: Material | None) -> str:
    """Three classes where the films say bacterial or viral of each, else two, and why."""
    allowed = "three-class" if found is None else task_of(found)
    if allowed == "binary":
        st.selectbox(
            "Task",
            ["binary"],
            format_func=TASKS.get,
            key="training.task.binary",
            help="Not every film is labelled bacterial or viral.",
        )
        return "binary"
    return str(
        st.selectbox(
            "Task", list(TASKS), format_func=TASKS.get, key="training.task", persist_state=_PERSIST
        )
    )


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


def _backbone(*, transfer: bool) -> str:
    """transfer: whether pretrained weights of the first choice can be had."""
    chosen: str = st.selectbox(
        "Network",
        list(BACKBONES),
        index=list(BACKBONES).index("resnet50" if transfer else "cnn"),
        format_func=backbone_title,
        key="training.backbone",
        persist_state=_PERSIST,
    )
    st.caption(BACKBONES[chosen])
    if not transfer and chosen == "cnn":
        st.caption(_NO_WEIGHTS)
    return chosen


def _weights(backbone: str, settings: Settings) -> str | None:
    """The initial weights, or the file or model that was chosen; None for a network without
    pretrained weights.
    """
    if backbone == "cnn":
        return None
    parents = cache.parents_of(backbone)
    offered = [name for name in WEIGHTS if name != "model" or parents]
    at = cache.weights_of(backbone)
    chosen = st.segmented_control(
        "Start from",
        offered,
        default="imagenet",
        required=True,
        format_func=WEIGHTS.get,
        key="training.weights",
        persist_state=_PERSIST,
    )
    meaning = _KEPT if at == "kept" and chosen == "imagenet" else WEIGHTS_MEANING[chosen]
    st.caption(_NO_DOWNLOAD if chosen == "imagenet" and not at else meaning)
    if chosen == "model":
        named: str = st.selectbox(
            "Model to start from",
            parents,
            key=f"training.parent.{backbone}",
            persist_state=_PERSIST,
        )
        return named
    return str(chosen) if chosen != "file" else _file(backbone, settings)


def _file(backbone: str, settings: Settings) -> str:
    """The weights file: one that was found, those named for the network first, or a typed path."""
    files = sorted(cache.weights_files_of(settings), key=lambda path: not is_for(path, backbone))
    found = {str(path): path for path in files}
    picked = _TYPED
    if found:
        picked = st.selectbox(
            "Weights files found here",
            [*found, _TYPED],
            format_func=lambda text: found[text].name if text in found else text,
            key=f"training.weights.found.{backbone}",
            persist_state=_PERSIST,
        )
    if picked != _TYPED:
        return picked
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


def offer_earlier(settings: Settings) -> None:
    """A choice of the latest runs; the chosen one's settings fill the widgets below."""
    runs = [run.id for run in list_runs(settings.runs_dir)[:_MOST]]
    if not runs:
        return
    st.selectbox(
        "Settings of an earlier run",
        runs,
        index=None,
        placeholder="Start from an earlier run's settings…",
        key=_KEY,
        on_change=_take_over,
        args=(settings,),
        label_visibility="collapsed",
    )
    if refused := st.session_state.get(f"{_KEY}.refused"):
        st.caption(plain(refused))


def _take_over(settings: Settings) -> None:
    """Runs before the page: widgets may still be given values."""
    chosen, refused = st.session_state.get(_KEY), f"{_KEY}.refused"
    st.session_state.pop(refused, None)
    for run in list_runs(settings.runs_dir):
        if run.id == chosen:
            try:
                st.session_state.update(widget_values(run.recipe()))
            except TrainingError as error:
                st.session_state[refused] = str(error)


def widget_values(recipe: Recipe) -> dict[str, Any]:
    """The value of every widget of the Training screen that makes this recipe, by its key."""
    preset = recipe.preset if recipe.preset in PRESETS else "standard"
    values: dict[str, Any] = {
        "training.preset": preset,
        "training.backbone": recipe.backbone,
        "training.task": recipe.task,
        f"training.size.{preset}": recipe.size,
        f"training.epochs.{preset}": recipe.epochs,
        **_start(recipe),
    }
    for setting in MORE:
        values[f"training.{setting.name}.{preset}"] = getattr(recipe, setting.name)
    return values


def _start(recipe: Recipe) -> dict[str, Any]:
    if not find_backbone(recipe.backbone).application:
        return {}
    if recipe.weights in {"imagenet", "none"}:
        return {"training.weights": recipe.weights}
    if is_parent(recipe.weights):
        return {
            "training.weights": "model",
            f"training.parent.{recipe.backbone}": recipe.weights,
        }
    return {"training.weights": "file", "training.weights.file": recipe.weights}
