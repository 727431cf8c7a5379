import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pneumo_core.config import Settings
from pneumo_core.errors import DataSetError
from pneumo_core.evaluation.robustness import measure_robustness

SIDE = 64


def grey_of(name):
    """Normal films are dark and ill ones bright, a little more with each number."""
    return (60 if name.startswith("NORMAL") else 150) + int(Path(name).stem) % 30


def p_of(grey):
    """What the tiny network says of a flat film."""
    return 1 / (1 + np.exp(5 - 10 * grey / 255))


@pytest.fixture(scope="module")
def validation(tiny_bundle):
    return pd.read_csv(tiny_bundle.path / "predictions.csv")["film"].tolist()


@pytest.fixture
def folder(tmp_path, validation):
    """The 60 films of the tiny bundle's predictions, and four others."""
    others = ["NORMAL/100.png", "NORMAL/103.png", "PNEUMONIA/101.png", "PNEUMONIA/102.png"]
    for name in [*validation, *others]:
        path = tmp_path / "films" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((SIDE, SIDE), grey_of(name), np.uint8)).save(path)
    return tmp_path / "films"


@pytest.fixture
def settings(tmp_path):
    return Settings(cache_dir=tmp_path / "cache")


def test_the_films_of_the_validation_are_measured(tiny_bundle, folder, settings):
    found = measure_robustness(
        tiny_bundle, folder, settings=settings, names=["brighter", "lungs black"]
    )
    assert (found.model, found.films) == ("tiny", 60)
    assert (found.normal, found.pneumonia) == (20, 40)
    assert found.held_out is True
    assert found.words == (
        "60 films of the model's own validation: it was not trained on these patients."
    )
    assert found.points == {"screening": 0.2, "balanced": 0.5, "ruling_in": 0.8}
    assert [row.name for row in found.rows] == ["as it is", "brighter", "lungs black"]
    assert found.lungless == ""  # of 20 normal films
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()


def test_rates_are_those_at_the_locked_points(tiny_bundle, folder, settings, validation):
    found = measure_robustness(tiny_bundle, folder, settings=settings, names=["brighter"])
    grey = np.array([grey_of(name) for name in validation])
    ill = np.array([name.startswith("PNEUMONIA") for name in validation])
    clean, brighter = found.rows
    assert clean.sensitivity.value == clean.specificity.value == 1
    # 0.5 is reached at a grey of 127.5, which 31 more lifts no dark film to: 60..89.
    assert brighter.specificity.value == 1
    change = np.abs(p_of(grey + 31) - p_of(grey))
    assert brighter.change_mean == pytest.approx(change.mean(), abs=2e-3)
    assert brighter.change_p95 == pytest.approx(np.quantile(change, 0.95), abs=2e-3)
    assert clean.change_mean == 0
    called = p_of(grey + 31) >= 0.8
    assert brighter.ruling_in.sensitivity.value == pytest.approx(called[ill].mean())
    assert found.worst == (
        "Small sample: 20 normal films. Rely on the intervals, not on the values."
    )


def test_what_costs_most_is_said(tiny_bundle, settings):
    grey = np.repeat([60, 150], 40)
    films = np.stack([np.full((SIDE, SIDE), one, np.uint8) for one in grey])
    table = pd.DataFrame({"film": [f"x/{n}.png" for n in range(100, 180)]})
    table["label"] = np.repeat(["normal", "pneumonia"], 40)
    names = ["darker", "blur 1 px", "lungs black"]
    found = measure_robustness(tiny_bundle, (films, table), settings=settings, names=names)
    assert found.worst.startswith(
        "Of the 2 perturbations that keep the lungs visible, “darker” costs most: sensitivity "
        "falls by"
    )
    assert found.lungless.startswith("Without lungs the AUC is ")
    assert found.rows[1].cost_sensitivity.value > 0
    assert found.rows[2].cost_sensitivity.value == 0


def test_pixels_and_a_table_give_what_the_folder_gives(tiny_bundle, folder, settings, validation):
    table = pd.DataFrame({"film": ["PNEUMONIA/101.png", *validation]})
    table["label"] = table["film"].str.split("/").str[0].str.lower()
    films = np.stack([np.full((SIDE, SIDE), grey_of(f), np.uint8) for f in table["film"]])
    names = ["noise 6 %", "darker"]
    given = measure_robustness(tiny_bundle, (films, table), settings=settings, names=names)
    assert given.films == 60
    of_folder = measure_robustness(tiny_bundle, folder, settings=settings, names=["darker"])
    # Row numbers differ, and with them the grain; what is not random is the same.
    assert given.rows[2].change_mean == pytest.approx(of_folder.rows[1].change_mean)


def test_a_limit_draws_the_same_films_of_each_class(tiny_bundle, folder, settings):
    found = measure_robustness(tiny_bundle, folder, settings=settings, names=["darker"], limit=7)
    assert (found.normal, found.pneumonia) == (7, 7)
    assert found.words.startswith("14 films (random sample of at most 7 of each class) of the")
    again = measure_robustness(tiny_bundle, folder, settings=settings, names=["darker"], limit=7)
    assert again == found
    assert (
        measure_robustness(tiny_bundle, folder, settings=settings, names=[], limit=30).normal == 20
    )


def test_progress_counts_every_film_of_every_perturbation(tiny_bundle, folder, settings):
    heard = []
    measure_robustness(
        tiny_bundle,
        folder,
        settings=settings,
        names=["darker"],
        progress=lambda *at: heard.append((*at, "")[:4]),
    )
    assert {phase for phase, *_ in heard} == {"index", "copies", "decode", "stress"}
    counts = [(done, total) for phase, done, total, _ in heard if phase == "stress"]
    assert counts == sorted(counts)
    assert counts[-1] == (120, 120)
    assert [words for phase, _, _, words in heard if words] == ["as it is", "darker"]


def test_an_unknown_perturbation_is_refused(tiny_bundle, folder, settings):
    with pytest.raises(ValueError, match="Expected names of perturbations, got 'fog'"):
        measure_robustness(tiny_bundle, folder, settings=settings, names=["fog"])


def test_broken_films_are_named_and_the_others_measured(tiny_bundle, folder, settings):
    (folder / "NORMAL" / "cut.png").write_bytes(b"no picture")
    found = measure_robustness(tiny_bundle, folder, settings=settings, names=[])
    assert found.films == 60
    [broken] = found.unread
    assert broken[0] == "NORMAL/cut.png"
    assert broken[1]


def test_a_folder_of_broken_films_is_refused(tiny_bundle, tmp_path, settings):
    (tmp_path / "NORMAL").mkdir()
    (tmp_path / "NORMAL" / "0.png").write_bytes(b"no picture")
    with pytest.raises(DataSetError, match="Expected readable films in the data; none of 1 is"):
        measure_robustness(tiny_bundle, tmp_path, settings=settings)
