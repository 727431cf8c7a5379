from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from pneumo_core.errors import BundleError
from pneumo_core.imaging.decode import Film, SourceFacts, resize
from pneumo_core.inference.predict import Reader
from pneumo_core.synthetic.appearance import (
    MODEL_FILE,
    SUBTYPES,
    Appearance,
    compose,
    draw,
    load_appearances,
    modelled_film,
    sample_films,
    synthetic_film,
)
from pneumo_core.synthetic.demo_data import write_demo_data
from tools import fit_appearance
from tools.fit_appearance import Alignment, Round, align, displace, fit, invert, save

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture(scope="module")
def drawn() -> NDArray[np.uint8]:
    return np.stack([synthetic_film("normal", seed, size=112) for seed in range(60)])


@pytest.fixture(scope="module")
def aligned(drawn: NDArray[np.uint8]) -> Alignment:
    return align(drawn, schedule=(Round(), Round(0.06), Round(0.04, 10)))


def test_six_samples_named_and_labelled() -> None:
    samples = sample_films()
    assert [sample.name for sample in samples] == [f"Synthetic {n}" for n in range(1, 7)]
    assert sorted(sample.subtype for sample in samples) == [
        *["bacterial"] * 2,
        *["normal"] * 3,
        "viral",
    ]
    for sample in samples:
        assert sample.label == ("normal" if sample.subtype == "normal" else "pneumonia")
        assert sample.pixels.shape == (480, 600)
        assert sample.pixels.dtype == np.uint8
        assert sample.pixels.std() > 25


def test_samples_are_the_same_every_time_and_differ_from_each_other() -> None:
    first, second = sample_films(), sample_films()
    for one, again in zip(first, second, strict=True):
        assert np.array_equal(one.pixels, again.pixels)
    flat = np.stack([sample.pixels.ravel() for sample in first])
    alike = np.corrcoef(flat) - np.eye(len(flat))
    assert alike.max() < 0.95


def test_samples_show_a_chest() -> None:
    for sample in sample_films():
        spine, lungs = sample.pixels[250:330, 280:320], sample.pixels[250:330, 120:480]
        assert np.median(spine) > np.quantile(lungs, 0.25) + 30


def test_the_bundle_in_service_reads_every_sample_rightly() -> None:
    try:
        reader = Reader()
    except BundleError:
        pytest.skip("no bundle is in service")
    for sample in sample_films():
        height, width = sample.pixels.shape
        facts = SourceFacts("PNG", width, height, 8, "grey", 0, "", 0.0, ("synthetic",))
        reading = reader.read(Film(sample.pixels, facts))
        assert reading.decision is not None, reading.message
        assert reading.decision.value == sample.label.upper(), (sample.name, reading.p_pneumonia)


def test_the_model_is_small_attributed_and_averages_hundreds_of_films() -> None:
    assert MODEL_FILE.stat().st_size < 2_000_000
    with np.load(MODEL_FILE, allow_pickle=False) as stored:
        attribution = str(stored["attribution"])
        assert "doi 10.17632/rscbjbr9sj.2" in attribution
        assert "CC BY 4.0" in attribution
        for subtype in SUBTYPES:
            assert stored[f"{subtype}_films"] > 500
            assert stored[f"{subtype}_films_per_mode"].min() > 100


def test_without_weights_the_film_is_the_mean() -> None:
    model = Appearance(
        mean=np.full((32, 32), 100, np.float32),
        modes=np.ones((1, 16, 16), np.float32),
        outline=np.zeros((4, 4, 2), np.float32),
        bends=np.zeros((1, 4, 4, 2), np.float32),
        texture=np.zeros((8, 8), np.float32),
    )
    rng = np.random.default_rng(0)
    assert np.array_equal(np.unique(compose(model, np.zeros(1), rng)), [100])
    assert np.array_equal(np.unique(compose(model, np.array([7.0]), rng)), [107])


def test_a_bend_moves_the_film() -> None:
    ramp = np.tile(np.arange(64, dtype=np.float32) * 3, (64, 1))
    model = Appearance(
        mean=ramp,
        modes=np.zeros((1, 32, 32), np.float32),
        outline=np.zeros((8, 8, 2), np.float32),
        bends=np.full((1, 8, 8, 2), 0.125, np.float32),
        texture=np.zeros((16, 16), np.float32),
    )
    rng = np.random.default_rng(0)
    straight, moved = (compose(model, np.array([w]), rng)[240, 300] for w in (0.0, 1.0))
    assert int(moved) - int(straight) == pytest.approx(0.125 * 64 * 3, abs=2)


def test_displacing_looks_where_it_is_told_and_knows_the_edge() -> None:
    film = np.zeros((40, 40), np.uint8)
    film[10, 20] = 200
    flow = np.zeros((10, 10, 2), np.float32)
    flow[..., 0] = 5 / 40
    moved = displace(film, flow)
    assert moved[10, 15] == 200
    assert moved[10, 20] == 0
    ones = displace(np.ones((40, 40), np.float32), flow, outside=0.0)
    assert ones[:, :34].min() == 1
    assert ones[:, 36:].max() == 0


def test_the_inverse_undoes_a_displacement() -> None:
    y, x = np.mgrid[0:28, 0:28] / 28
    flow = 0.04 * np.stack([np.sin(3 * y), np.cos(4 * x)], axis=-1).astype(np.float32)
    film = np.tile(np.arange(112, dtype=np.float32), (112, 1))
    back = displace(displace(film, flow), invert(flow))
    assert np.abs(back - film)[16:-16, 16:-16].max() < 1.5


def test_aligning_sharpens_the_mean(drawn: NDArray[np.uint8], aligned: Alignment) -> None:
    assert aligned.flows.shape == (60, 28, 28, 2)
    assert np.abs(aligned.flows.mean(axis=0)).max() < 1e-5
    together = np.stack([displace(f, w) for f, w in zip(drawn, aligned.flows, strict=True)])

    def spread(films: NDArray[np.uint8]) -> float:
        return float(films.std(axis=0)[20:-20, 20:-20].mean())

    assert spread(together) < 0.85 * spread(drawn)


def test_a_fitted_model_draws_films_like_those_it_saw(
    drawn: NDArray[np.uint8], aligned: Alignment, tmp_path: Path
) -> None:
    fitted = fit(drawn, aligned, modes=6)
    assert fitted.films == 39
    assert fitted.films_per_mode.min() > 3
    path = tmp_path / "appearance.npz"
    save(dict.fromkeys(SUBTYPES, fitted), path)
    stored = load_appearances(path)["viral"]
    for name in ("mean", "modes", "outline", "bends", "texture"):
        exact, kept = getattr(fitted.appearance, name), getattr(stored, name)
        assert np.abs(exact - kept).max() <= 0.005 * np.abs(exact).max()
    film = draw(stored, 1)
    assert np.array_equal(film, draw(stored, 1))
    drawn_mean = np.mean([resize(draw(stored, seed), 24) for seed in range(12)], axis=0)
    seen_mean = resize(drawn.mean(axis=0).astype(np.uint8)[4:-4, 4:-4], 24)
    assert np.corrcoef(seen_mean.ravel(), drawn_mean.ravel())[0, 1] > 0.8


def test_a_mode_hidden_in_some_films_is_found_in_the_others() -> None:
    rng = np.random.default_rng(0)
    weight = rng.standard_normal(50)
    greys = (weight[:, None, None] * np.ones((50, 8, 8))).astype(np.float32)
    seen = np.ones((50, 8, 8), bool)
    seen[:10, :, 6:] = False
    bends = np.zeros((50, 2, 2, 2), np.float32)
    bends[:, 0, 0, 0] = 0.01 * rng.standard_normal(50)
    loads, look, _ = fit_appearance._modes(greys, seen, bends, 2)
    rebuilt = np.tensordot(loads, look, axes=1)
    assert np.abs(rebuilt - greys).max() < 0.35


def test_too_small_a_data_set_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path / "cache"))
    write_demo_data(tmp_path / "data", films=12, seed=0)
    out = tmp_path / "model.npz"
    assert fit_appearance.main([str(tmp_path / "data"), "--out", str(out)]) == 1
    assert "at least 200 normal films" in capsys.readouterr().out
    assert not out.exists()


def small(subtype, child, exposure):
    film = modelled_film(subtype, child=(child,), exposure=(exposure,))
    return cv2.resize(film, (48, 48), interpolation=cv2.INTER_AREA).astype(float)


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_a_child_and_an_exposure_are_a_film(subtype):
    film = modelled_film(subtype, child=(1, 2), exposure=(3,))
    assert film.shape == (480, 600)
    assert film.dtype == np.uint8
    assert film.std() > 25
    np.testing.assert_array_equal(film, modelled_film(subtype, child=(1, 2), exposure=(3,)))


def test_films_of_one_child_are_more_alike_than_those_of_two():
    def apart(first, second):
        """1 - correlation of the films, small: form, whatever the exposure."""
        return (
            1 - np.corrcoef(small("viral", *first).ravel(), small("viral", *second).ravel())[0, 1]
        )

    same = [apart((child, 1), (child, 2)) for child in range(8)]
    other = [apart((child, 1), (child + 1, 1)) for child in range(8)]
    assert min(same) > 0
    assert np.median(same) < 0.7 * np.median(other)


def test_lungs_are_darker_than_the_spine_between_them():
    mean = np.mean([small("normal", child, child) for child in range(12)], axis=0)
    right_lung, left_lung, spine = mean[20, 12], mean[20, 36], mean[20, 24]
    assert max(right_lung, left_lung) + 30 < spine


def test_a_square_film_has_any_size_and_follows_its_seed():
    film = synthetic_film("bacterial", 3, size=64)
    assert (film.shape, film.dtype) == ((64, 64), np.uint8)
    np.testing.assert_array_equal(film, synthetic_film("bacterial", 3, size=64))
    assert not np.array_equal(film, synthetic_film("bacterial", 4, size=64))
