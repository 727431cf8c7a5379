"""A tiny lung finder, trained, measured and written; and what stops it."""

import shutil
from dataclasses import replace

import cv2
import keras
import numpy as np
import pytest

from pneumo_core.bundle.lung_finder import load_finder
from pneumo_core.config import Settings
from pneumo_core.errors import BundleError, DataSetError
from pneumo_core.training.lungs import fit
from pneumo_core.training.lungs.train import (
    left_out_words,
    load_masked_films,
    mask_files,
    split_lungs,
)
from tests.conftest import step_by_step
from tests.training.lungs.masked_films import draw_pair, write_masked_films

pytestmark = pytest.mark.keras


def settings_in(folder):
    (folder / "models").mkdir(parents=True, exist_ok=True)
    return Settings(models_dir=folder / "models", cache_dir=folder / "cache")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finder of a few steps with one measured fold, adults and continued steps; and reports."""
    from pneumo_core.training.lungs.fit import FinderRecipe
    from pneumo_core.training.lungs.train import HoldOut, train_lungs

    patch = pytest.MonkeyPatch()
    step_by_step(patch)
    patch.setattr(fit, "WIDTHS", (4, 8))
    folder = tmp_path_factory.mktemp("lungs")
    images, masks = write_masked_films(folder, n=6)
    adults = folder / "adults"
    adults.mkdir()
    for k in range(4):
        cv2.imwrite(str(adults / f"{k}.png"), draw_pair(90 + k)[0])
    (adults / "note.txt").write_text("not a film", encoding="utf-8")
    reports = []
    made = train_lungs(
        images,
        masks,
        adults=adults,
        name="lungs",
        recipe=FinderRecipe(
            steps=2, continued_steps=1, batch=2, other_images=24, synthetic_films=6
        ),
        hold_out=HoldOut(folds=2, measured=1),
        settings=settings_in(folder),
        report=lambda *words: reports.append(words),
    )
    patch.undo()
    return made, folder, reports


def test_the_bundle_is_whole_and_reads_films(trained):
    made, folder, _ = trained
    finder = load_finder(folder / "models")
    assert finder.digest == made.digest
    maps = finder.probabilities(np.zeros((2, 128, 128, 1), np.float32))
    assert maps.shape == (2, 128, 128, 2)
    assert finder(draw_pair(0)[0]).masks.shape == (64, 64, 2)


def test_the_card_says_what_was_done(trained):
    card = trained[0].card
    assert card["data"]["masks"] == 12
    assert card["data"]["patients"] == 12
    assert (card["data"]["normal"], card["data"]["viral"]) == (6, 6)
    assert card["data"]["adult_films"] == 4
    assert card["held_out"] == {"films": 6, "patients": 6, "folds": 2, "measured_folds": 1}
    assert set(card["figures"]) >= {"dice", "dice_normal", "dice_viral", "edges_within_4_percent"}
    dice = card["figures"]["dice"]
    assert 0 <= dice["low"] <= dice["value"] <= dice["high"] <= 1
    assert set(card["rejected"]) == {
        *("training_films", "adult_films", "synthetic_films", "other_images")
    }
    assert card["training"]["continued_steps"] == 1
    assert card["training"]["finished"].endswith("+00:00")
    assert card["agreement"]["keras_openvino"] < 0.02
    readme = (trained[0].path / "README.md").read_text("utf-8")
    assert "12 lung masks of 12 patients." in readme
    assert "On 6 films of 6 patients held out (1 of 2 folds)" in readme


def test_progress_names_every_phase(trained):
    reports = trained[2]
    phases = {phase for phase, *_ in reports}
    assert phases >= {"index", "masks", "decode", "fold 1 of 2", "train", "judge", "other images"}
    words = [message for _, _, _, *more in reports for message in more]
    assert any(text.startswith("12 films with masks of 12 patients") for text in words)
    assert "4 films without masks, 1 files cannot be read" in words


def test_the_network_learns_drawn_lungs(monkeypatch):
    from pneumo_core.training.lungs.augment import MILD
    from pneumo_core.training.lungs.fit import Examples, FinderRecipe, fit_finder
    from pneumo_core.training.lungs.train import split_lungs

    pairs = [draw_pair(k, side=224) for k in range(12)]
    films = np.stack([film for film, _ in pairs])
    lungs = np.stack([split_lungs(mask > 0)[0] for _, mask in pairs])
    monkeypatch.setattr(fit, "WIDTHS", (16,))
    losses, once = [], keras.Model.train_on_batch

    def note(model, *batch, **options):
        logs = once(model, *batch, **options)
        losses.append(float(logs["loss"]))
        return logs

    monkeypatch.setattr(keras.Model, "train_on_batch", note)
    still = replace(MILD, other_images=0.0, quarter_turns=0.0, opacity=0.0)
    fit_finder(
        Examples(films, lungs),
        None,
        FinderRecipe(steps=60, batch=4, learning_rate=0.02, strong=still, mild=still),
    )
    assert len(losses) == 60
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])


def test_a_name_that_is_taken_or_a_models_is_refused(trained):
    from pneumo_core.training.lungs.export import check_finder_name

    models = trained[1] / "models"
    with pytest.raises(BundleError, match="there is a lung finder 'lungs' already"):
        check_finder_name("lungs", models, replace=False)
    check_finder_name("lungs", models, replace=True)
    check_finder_name("lungs-2", models, replace=False)
    for name in ("kermany", "lungs-../x", "lungsuite", "lungs-"):
        with pytest.raises(BundleError, match="a name that begins with 'lungs-'"):
            check_finder_name(name, models, replace=False)


def test_a_folder_without_films_is_refused(tmp_path):
    from pneumo_core.training.lungs.train import load_adults

    with pytest.raises(DataSetError, match="there is no folder"):
        load_adults(tmp_path / "none")
    (tmp_path / "note.txt").write_text("text", encoding="utf-8")
    with pytest.raises(DataSetError, match="none of 1 files can be read"):
        load_adults(tmp_path)


def test_the_right_lung_lies_on_the_left_of_the_film():
    _, mask = draw_pair(0)
    mask[2:5, 80:84] = 255  # a small part goes to the side on which it lies
    lungs, reason = split_lungs(mask > 0)
    assert reason == ""
    assert lungs.dtype == np.uint8
    columns = [np.argwhere(lungs[..., side])[:, 1] for side in (0, 1)]
    assert columns[0].max() < 48 < columns[1].min()
    assert lungs[3, 82].tolist() == [0, 255]
    assert (lungs.max(-1) == mask).all()


def test_lungs_that_cannot_be_told_apart_are_refused():
    one = np.zeros((64, 64), bool)
    one[10:50, 10:50] = True
    assert split_lungs(one) == (None, "mask shows no two lungs apart")
    assert split_lungs(np.zeros((64, 64), bool))[0] is None


def test_films_and_masks_are_paired_by_name(tmp_path):
    images, masks = write_masked_films(tmp_path, n=3)
    (masks / "IM-0000-0001.png").unlink()
    shutil.copy(masks / "IM-0001-0001.png", masks / "unknown.png")
    (masks / "person0_virus_0.png").write_bytes(b"no picture")
    cv2.imwrite(str(masks / "IM-0002-0001.png"), np.zeros((32, 32), np.uint8))
    (images / "test" / "PNEUMONIA").mkdir(parents=True)
    shutil.copy(images / "train/PNEUMONIA/person2_virus_2.png", images / "test/PNEUMONIA")
    data = load_masked_films(images, masks, settings=Settings(cache_dir=tmp_path / "cache"))
    names = [film.rpartition("/")[2] for film in data.index.film.iloc[data.rows]]
    assert names == ["IM-0001-0001.png", "person1_virus_1.png"]
    assert data.pixels.shape == (7, 224, 224)
    assert data.lungs.shape == (2, 224, 224, 2)
    dark = data.pixels[data.rows[0]][data.lungs[0].any(-1)]
    assert dark.mean() == pytest.approx(60, abs=6)
    assert data.left_out == {
        "mask shows no two lungs apart": 1,
        "mask cannot be read": 1,
        "two films have the mask's name": 1,
        "mask has no film": 1,
    }
    assert left_out_words(data.left_out).startswith("4 left out: 1 mask ")


def test_missing_masks_are_said(tmp_path):
    with pytest.raises(DataSetError, match="there is no folder"):
        mask_files(tmp_path / "none")
    with pytest.raises(DataSetError, match="found no PNG there"):
        mask_files(tmp_path)
    images, masks = write_masked_films(tmp_path / "data", n=2)
    for file in masks.iterdir():
        file.rename(masks / f"mask-of-{file.name}")
    with pytest.raises(DataSetError, match=r"of 4 masks in .* none can be used \(4 left out: 4 m"):
        load_masked_films(images, masks, settings=Settings(cache_dir=tmp_path / "cache"))
