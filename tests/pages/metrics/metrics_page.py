"""What the tests of the Metrics page share: other models beside the tiny one, and the page."""

import json
import shutil

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

from pages.ui.metrics.predictions import shipped_predictions_of
from pneumo_core.bundle import OperatingPoints, load_bundle
from pneumo_core.bundle.integrity import write_sums
from tests import ROOT

POINTS = OperatingPoints(screening=0.2, balanced=0.5, ruling_in=0.8)


def altered(models, name, change):
    """Another model beside "tiny", with other predictions."""
    place = shutil.copytree(models / "tiny", models / name)
    table = pd.read_csv(place / "predictions.csv", keep_default_na=False)
    change(table).to_csv(place / "predictions.csv", index=False)
    card = json.loads((place / "card.json").read_text("utf-8"))
    (place / "card.json").write_text(json.dumps(card | {"name": name}), "utf-8")
    write_sums(place)
    return load_bundle(name, models_dir=models)


def shuffled(table):
    """Every third film is told wrongly."""
    wrong = np.arange(len(table)) % 3 == 0
    table["p_pneumonia"] = np.where(wrong, 1 - table["p_pneumonia"], table["p_pneumonia"])
    table["p_normal"] = 1 - table["p_pneumonia"]
    return table


def opened(**remembered):
    page = AppTest.from_file(str(ROOT / "pages" / "metrics.py"), default_timeout=300)
    for key, value in remembered.items():
        page.session_state[key.replace("__", ".")] = value
    page.run()
    assert not page.exception
    return page


def html(page):
    return "\n".join(element.proto.body for element in page.get("html"))


def subject_of(models, name="tiny"):
    return shipped_predictions_of(load_bundle(name, models_dir=models))
