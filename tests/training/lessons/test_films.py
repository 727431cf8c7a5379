"""The films of a lesson: by patient, out of a folder, and the split of patients."""

import cv2
import numpy as np
import pytest

from pneumo_core.config import Settings
from pneumo_core.errors import DataSetError
from pneumo_core.training.lessons.films import (
    LessonFilms,
    Wanted,
    folder_films,
    split_patients,
    synthetic_films,
)

NONE = Settings()


def said(*_):
    return None


def folder(path, patients, films_each):
    """A data set of noise: `patients` of each class, each with so many films."""
    rng = np.random.default_rng(0)
    for number in range(patients):
        for film in range(films_each):
            for name in (
                f"train/NORMAL/IM-{number:04}-000{film + 1}.png",
                f"train/PNEUMONIA/person{number}_bacteria_{film}.png",
            ):
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                picture = rng.integers(0, 256, (64, 64), dtype=np.uint8)
                (path / name).write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return path


def test_synthetic_films_have_patients_with_a_look_of_their_own():
    films = synthetic_films(Wanted(4, (2, 3), 64, 1), said)
    assert films.pixels.shape == (12, 64, 64)
    assert films.labels.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1]
    assert films.patients.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert films.synthetic
    small = films.pixels[:, ::4, ::4].reshape(12, -1).astype(float)
    likeness = np.corrcoef(small)
    same = [likeness[i, j] for i in range(0, 12, 3) for j in (i + 1, i + 2)]
    other = [likeness[i, i + 6] for i in range(6)]  # of the same class
    assert np.mean(same) > np.mean(other)


def test_a_folder_gives_a_sample_of_its_patients_and_counts_what_it_leaves_out(tmp_path):
    data = folder(tmp_path / "films", 6, 3)
    (data / "train/NORMAL/IM-0000-0001.png").write_bytes(b"no film")
    copied = (data / "train/NORMAL/IM-0001-0001.png").read_bytes()
    (data / "train/NORMAL/IM-0001-0002.png").write_bytes(copied)
    test = data / "test/NORMAL/IM-0900-0001.png"
    test.parent.mkdir(parents=True)
    test.write_bytes(copied)
    films = folder_films(data, Wanted(10, (2, 3), 64, 4), NONE, said)
    assert films.title == "films"
    assert len(np.unique(films.patients[films.labels == 1])) == 5
    assert np.bincount(films.labels).tolist()[1] == 15
    assert len(films.hashes) == len(films.pixels) == len(films.labels)
    assert not films.synthetic
    every = folder_films(data, Wanted(12, (1, 3), 64, 4), NONE, said)
    assert every.notes == (
        "1 film could not be read and was left out.",
        "1 copy of the same file was left out.",
    )


def test_too_few_patients_with_several_films_are_told(tmp_path):
    data = folder(tmp_path / "films", 3, 1)
    with pytest.raises(DataSetError, match="at least 2 normal patients with 2 films or more"):
        folder_films(data, Wanted(10, (2, 5), 64, 2), NONE, said)
    with pytest.raises(DataSetError, match="at least 4 normal patients outside the test split"):
        folder_films(data, Wanted(10, (1, 5), 64, 4), NONE, said)


def test_no_patient_is_on_both_sides_of_the_split():
    patients = np.repeat(np.arange(20), 3)
    films = LessonFilms("f", np.zeros((60, 64, 64), np.uint8), patients % 2, patients)
    learn, unseen = split_patients(films, 0.3)
    assert set(patients[learn]) & set(patients[unseen]) == set()
    assert len(learn) + len(unseen) == 60
    assert np.bincount(films.labels[unseen]).tolist() == [9, 9]
