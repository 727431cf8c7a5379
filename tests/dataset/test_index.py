"""Every layout of the data set, and what an index must not be misled by."""

import hashlib
import os
import sys
import zlib

import cv2
import numpy as np
import pytest

from pneumo_core.dataset.index import COLUMNS, index_folder
from pneumo_core.errors import DataSetError


def put(path, *, width=40, height=48):
    """Write a small grey film whose content depends on its file name alone."""
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    _, data = cv2.imencode(path.suffix, rng.integers(0, 256, (height, width), dtype=np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())


def put_all(root, *films):
    for film in films:
        put(root / film)


def rows(index, *columns):
    return list(index[list(columns)].itertuples(index=False, name=None))


KAGGLE = [
    "test/NORMAL/IM-0001-0001.jpeg",
    "test/PNEUMONIA/person1_virus_6.jpeg",
    "train/NORMAL/IM-0115-0001.jpeg",
    "train/NORMAL/NORMAL2-IM-0115-0001.jpeg",
    "train/PNEUMONIA/person1_bacteria_1.jpeg",
    "train/PNEUMONIA/person1_virus_9.jpeg",
    "val/NORMAL/NORMAL2-IM-1427-0001.jpeg",
    "val/PNEUMONIA/person1946_bacteria_4874.jpeg",
]


def test_a_mask_whose_name_says_nothing_is_no_film_and_a_turned_copy_is_told(tmp_path):
    put_all(tmp_path, "NORMAL/a.png", "NORMAL/b.png")
    film = cv2.imread(str(tmp_path / "NORMAL/a.png"), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(tmp_path / "NORMAL/c.png"), np.rot90(film, 3))
    cv2.imwrite(str(tmp_path / "NORMAL/d.png"), np.eye(40, 48, dtype=np.uint8).repeat(2, 0) * 255)
    index = index_folder(tmp_path).set_index("film")
    assert index["readable"].tolist() == [True, True, True, False]
    assert "picture of two grey levels" in index["problem"]["NORMAL/d.png"]
    copies = index["copies"]
    assert copies["NORMAL/a.png"] == copies["NORMAL/c.png"] == index["pixels"]["NORMAL/a.png"]
    assert copies["NORMAL/b.png"] == index["pixels"]["NORMAL/b.png"]
    assert copies["NORMAL/d.png"] == ""


def test_kaggles_layout(tmp_path):
    put_all(tmp_path, *KAGGLE)
    index = index_folder(tmp_path)
    assert tuple(index.columns) == COLUMNS
    assert rows(index, "film", "split", "label", "subtype", "group") == [
        (KAGGLE[0], "test", "normal", "normal", "IM-0001"),
        (KAGGLE[1], "test", "pneumonia", "viral", "virus-person1"),
        (KAGGLE[2], "train", "normal", "normal", "IM-0115"),
        (KAGGLE[3], "train", "normal", "normal", "NORMAL2-IM-0115"),
        (KAGGLE[4], "train", "pneumonia", "bacterial", "bacteria-person1"),
        (KAGGLE[5], "train", "pneumonia", "viral", "virus-person1"),
        (KAGGLE[6], "val", "normal", "normal", "NORMAL2-IM-1427"),
        (KAGGLE[7], "val", "pneumonia", "bacterial", "bacteria-person1946"),
    ]
    assert index["series"].tolist()[2:5] == ["IM", "NORMAL2-IM", "person"]


def test_a_films_facts(tmp_path):
    put(tmp_path / "NORMAL/IM-1-1.png", width=40, height=50)
    (row,) = index_folder(tmp_path).to_dict(orient="records")
    data = (tmp_path / "NORMAL/IM-1-1.png").read_bytes()
    assert (row["width"], row["height"], row["bytes"]) == (40, 50, len(data))
    assert row["sha256"] == hashlib.sha256(data).hexdigest()
    assert (row["readable"], row["problem"]) == (True, "")


@pytest.mark.parametrize("root", ["", "chest_xray", "chest_xray/chest_xray"])
def test_the_nested_copy_and_macosx_count_once(tmp_path, root):
    put_all(tmp_path / "chest_xray", *KAGGLE)
    put_all(tmp_path / "chest_xray/chest_xray", *KAGGLE)
    for film in KAGGLE:
        put(tmp_path / "chest_xray/__MACOSX/chest_xray" / film)
        junk = tmp_path / "chest_xray/chest_xray" / film
        junk.with_name("._" + junk.name).write_bytes(b"\0\5\26\7")
    index = index_folder(tmp_path / root)
    inner = "chest_xray/" if not root else ""
    assert index["film"].tolist() == [inner + film for film in KAGGLE]


def test_a_film_in_the_nested_copy_alone_is_kept(tmp_path):
    put_all(tmp_path, "train/NORMAL/a.png", "chest_xray/train/NORMAL/a.png")
    put_all(tmp_path, "chest_xray/train/PNEUMONIA/b.png")
    films = ["chest_xray/train/PNEUMONIA/b.png", "train/NORMAL/a.png"]
    assert index_folder(tmp_path)["film"].tolist() == films


def test_files_whose_names_differ_in_case_alone_are_two_films(tmp_path):
    put_all(tmp_path, "NORMAL/a.png", "NORMAL/A.png")
    count = len(list((tmp_path / "NORMAL").iterdir()))  # one, on a disk that ignores case
    assert len(index_folder(tmp_path)) == count


@pytest.mark.parametrize(
    ("film", "expected"),
    [
        ("NORMAL/x.png", ("all", "normal", "normal")),
        ("PNEUMONIA/x.png", ("all", "pneumonia", "unknown")),
        ("test/PNEUMONIA/person3_virus_1.png", ("test", "pneumonia", "viral")),
        ("Train/pneumonia/Bacteria/x.png", ("train", "pneumonia", "bacterial")),
        ("BACTERIA/x.png", ("all", "pneumonia", "bacterial")),
        ("viral/x.png", ("all", "pneumonia", "viral")),
        ("train/PNEUMONIA/BACTERIA-1008087-0001.jpeg", ("train", "pneumonia", "bacterial")),
        # The folder is the label; a name that contradicts it leaves the subtype open.
        ("PNEUMONIA/IM-0115-0001.png", ("all", "pneumonia", "unknown")),
        ("NORMAL/person1_virus_6.png", ("all", "normal", "normal")),
    ],
)
def test_other_layouts(tmp_path, film, expected):
    put(tmp_path / film)
    assert rows(index_folder(tmp_path), "split", "label", "subtype") == [expected]


def test_the_root_itself_may_be_the_split(tmp_path):
    put(tmp_path / "test/NORMAL/x.png")
    assert index_folder(tmp_path / "test")["split"].tolist() == ["test"]


def test_hidden_and_other_files_and_unlabelled_films_are_no_films(tmp_path):
    put_all(tmp_path, "NORMAL/x.png", "NORMAL/.y.png", "NORMAL/.git/z.png", "loose.png", "CT/c.png")
    for name in ("Thumbs.db", "notes.txt", "._x.png", ".DS_Store"):
        (tmp_path / "NORMAL" / name).write_bytes(b"no film")
    assert index_folder(tmp_path)["film"].tolist() == ["NORMAL/x.png"]


def test_what_cannot_be_read_is_named_and_the_rest_is_indexed(tmp_path):
    put_all(tmp_path, "NORMAL/good.png", "NORMAL/short.jpg", "NORMAL/short.png")
    for name in ("short.jpg", "short.png"):
        path = tmp_path / "NORMAL" / name
        path.write_bytes(path.read_bytes()[:-400])
    (tmp_path / "NORMAL/empty.jpeg").touch()
    (tmp_path / "NORMAL/text.jpeg").write_text("no picture at all")
    index = index_folder(tmp_path).set_index("film")
    assert index["readable"].to_dict() == {
        "NORMAL/empty.jpeg": False,
        "NORMAL/good.png": True,
        "NORMAL/short.jpg": False,
        "NORMAL/short.png": False,
        "NORMAL/text.jpeg": False,
    }
    bad = index[~index["readable"]]
    assert (bad["problem"].str.len() > 20).all()
    assert not bad["problem"].str.contains(str(tmp_path), regex=False).any()
    assert (bad[["width", "height"]] == 0).all(axis=None)
    assert bad["bytes"]["NORMAL/text.jpeg"] == 17
    assert bad["sha256"]["NORMAL/empty.jpeg"] == hashlib.sha256(b"").hexdigest()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_links_are_not_followed_but_the_root_may_be_one(tmp_path):
    put(tmp_path / "outside/NORMAL/secret.png")
    put(tmp_path / "data/NORMAL/x.png")
    (tmp_path / "data/PNEUMONIA").symlink_to(tmp_path / "outside/NORMAL")
    (tmp_path / "data/NORMAL/link.png").symlink_to(tmp_path / "outside/NORMAL/secret.png")
    (tmp_path / "data/NORMAL/round").symlink_to(tmp_path / "data")
    (tmp_path / "door").symlink_to(tmp_path / "data")
    for root in ("data", "door"):
        assert index_folder(tmp_path / root)["film"].tolist() == ["NORMAL/x.png"]


def test_a_folder_that_cannot_be_read_is_not_passed_over(tmp_path, monkeypatch):
    put_all(tmp_path, "NORMAL/x.png", "PNEUMONIA/y.png")
    scandir = os.scandir

    def guarded(folder):
        if str(folder).endswith("PNEUMONIA"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(DataSetError, match=r"read the folder PNEUMONIA, got: Permission denied"):
        index_folder(tmp_path)


def test_the_same_greys_in_another_shape_are_another_film(tmp_path):
    for name, shape in (("a", (40, 48)), ("b", (48, 40))):
        path = tmp_path / "NORMAL" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        assert cv2.imwrite(str(path), np.zeros(shape, np.uint8))
    assert index_folder(tmp_path)["pixels"].nunique() == 2


def test_progress_counts_every_film(tmp_path):
    put_all(tmp_path, *(f"NORMAL/{n}.png" for n in range(5)))
    seen = []
    index_folder(tmp_path, progress=lambda *at: seen.append(at))
    assert seen == [*(("index", n, 5) for n in range(1, 6)), ("copies", 5, 5)]


def test_what_is_no_data_set_is_refused(tmp_path):
    with pytest.raises(DataSetError, match=r"Expected a folder of films, got .*nowhere"):
        index_folder(tmp_path / "nowhere")
    put(tmp_path / "loose.png")
    with pytest.raises(DataSetError, match=r"NORMAL/ and PNEUMONIA/ alone.*found no such films in"):
        index_folder(tmp_path)


def test_a_refused_dicom_says_whose_it_is_too(tmp_path, dicom_file, monkeypatch):
    monkeypatch.setenv("PNEUMO_READINGS", str(tmp_path / "readings"))
    folder = tmp_path / "films" / "NORMAL"
    folder.mkdir(parents=True)
    for name, view in (("a", "PA"), ("b", "LL")):
        (folder / name).write_bytes(dicom_file(PatientID="4711", ViewPosition=view))
    index = index_folder(tmp_path / "films")
    assert index["readable"].tolist() == [True, False]
    assert index["group"].nunique() == 1
    assert index["patient_known"].all()
