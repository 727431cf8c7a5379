"""From a run's curves to the charts that show them."""

import numpy as np
import pytest

from pages.ui.charts import training as charts
from pages.ui.charts.training import Chart, Line, curves, share_span, smoothed
from pages.ui.training.run_view import loss_chart, metric_chart, overlay
from pneumo_core.training.runs.history import Curves

STEPS = {name: np.array([0.5, 1.0]) for name in ("step", "epoch", "loss", "auc")}
EPOCHS = {
    "epoch": np.array([0.0, 1.0, 2.0]),
    "loss": np.array([1.0, 0.9, 0.8]),
    "val_loss": np.array([1.1, np.nan, 1.0]),
    "val_auc": np.array([0.91, 0.97, 0.95]),
    "val_sensitivity": np.array([0.5, 0.6, 0.7]),
}


def test_the_loss_of_training_goes_by_steps_and_of_validation_by_epochs():
    chart = loss_chart(Curves(0, STEPS, EPOCHS), 5)
    raw, training, validation = chart.lines
    assert (raw.name, raw.faint) == ("training, raw", True)
    assert (training.name, training.points) == ("training", False)
    np.testing.assert_array_equal(validation.epochs, [1, 2, 3])
    figure = curves(chart)
    assert figure.layout.xaxis.title.text == charts.EPOCHS
    assert figure.layout.yaxis.title.text == charts.LOSS
    assert figure.layout.xaxis.range == (0, 5 * 1.03)
    assert list(figure.data[2].y) == [1.1, 1.0]  # NaN is left out


def test_the_smoothed_loss_starts_unbiased_and_passes_over_nan():
    found = smoothed(np.array([2.0, np.nan, 1.0]), weight=0.5)
    np.testing.assert_allclose(found, [2.0, np.nan, 4 / 3])


def test_a_run_without_steps_draws_its_epochs():
    (training, _) = loss_chart(Curves(0, {}, EPOCHS), 3).lines
    assert training.points
    assert loss_chart(Curves(0, {}, {}), 3).lines == []
    assert len(curves(Chart([], charts.LOSS)).data) == 0


def test_the_best_epoch_is_ringed_and_rates_are_named():
    chart = metric_chart(Curves(0, STEPS, EPOCHS), 3)
    assert [line.name for line in chart.lines] == [
        "training",
        "validation",
        "sensitivity at 90 % specificity",
    ]
    assert chart.y == charts.SHARE
    ring = next(trace for trace in curves(chart).data if trace.marker.symbol == "circle-open")
    assert (list(ring.x), list(ring.y)) == ([2], [0.97])
    without = {name: values for name, values in EPOCHS.items() if name != "val_sensitivity"}
    assert metric_chart(Curves(0, {}, without), 3).y == charts.AUC


@pytest.mark.parametrize(
    ("values", "floor"), [([0.95, 0.99], 0.9), ([0.81], 0.8), ([0.6], 0.5), ([0.2], 0.0), ([], 0.9)]
)
def test_the_axis_of_shares_shows_every_value(values, floor):
    line = Line("one", np.arange(len(values)), np.array(values, float))
    low, high = share_span([line])
    assert low == floor
    assert 1 < high < 1.03


def test_runs_over_each_other_have_a_colour_each():
    chart = overlay([("A", Curves(0, STEPS, EPOCHS)), ("B", Curves(0, {}, EPOCHS))], loss=True)
    figure = curves(chart)
    colours = {trace.name: trace.line.color for trace in figure.data}
    assert colours["A, validation"] == colours["A, training"] != colours["B, validation"]
    share = overlay([("A", Curves(0, STEPS, EPOCHS))], loss=False)
    assert [line.name for line in share.lines] == ["A, training", "A, validation"]


def test_the_models_own_auc_stands_at_its_epoch_with_its_interval():
    figures = {"auc": {"value": 0.86, "low": 0.71, "high": 0.93}}
    chart = metric_chart(Curves(0, STEPS, EPOCHS), 3, figures)
    model = curves(chart).data[-1]
    assert (model.name, list(model.x), list(model.y)) == ("AUC of the model", [2.0], [0.86])
    assert model.error_y.array[0] == pytest.approx(0.07)
    assert model.error_y.arrayminus[0] == pytest.approx(0.15)
    assert metric_chart(Curves(0, {}, {"epoch": EPOCHS["epoch"]}), 3, figures).measured is None
    nothing = {"auc": dict.fromkeys(("value", "low", "high"))}
    assert metric_chart(Curves(0, STEPS, EPOCHS), 3, nothing).measured is None


def test_the_axis_shows_the_models_interval_too():
    line = Line("one", np.array([1.0]), np.array([0.95]))
    assert share_span([line], charts.Measured("the model", 1.0, 0.9, 0.74, 0.95))[0] == 0.5
