"""What a folder holds and what is passed over, without opening a file."""

import os
import sys
import unicodedata

import pytest

from pneumo_core.dataset import layout
from pneumo_core.dataset.labels import LabelMap, Labels
from pneumo_core.dataset.layout import check_labelled, list_films
from pneumo_core.dataset.names import FolderFacts, NameFacts, parse_folders, parse_name
from pneumo_core.errors import DataSetError


def put(root, *files):
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_all_that_is_passed_over_is_counted(tmp_path):
    put(tmp_path, "train/NORMAL/a.png", "train/NORMAL/notes.txt", "train/NORMAL/.b.png")
    put(tmp_path, "chest_xray/train/NORMAL/a.png", "loose.png", "CT/scan.png")
    put(tmp_path, "__MACOSX/train/NORMAL/._a.png")
    (tmp_path / "train/PNEUMONIA").mkdir()
    layout = list_films(tmp_path)
    assert layout.films == ("train/NORMAL/a.png",)
    assert layout.nested == ("chest_xray/train/NORMAL/a.png",)
    assert layout.macosx == ("__MACOSX/train/NORMAL/._a.png",)
    assert layout.unlabelled == ("CT/scan.png", "loose.png")
    assert layout.links == layout.links_out == ()
    assert layout.class_folders == (
        "chest_xray/train/NORMAL",
        "train/NORMAL",
        "train/PNEUMONIA",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_links_are_passed_over_and_those_that_lead_out_are_told_apart(tmp_path):
    put(tmp_path, "data/NORMAL/a.png", "outside/NORMAL/b.png")
    data = tmp_path / "data"
    (data / "NORMAL/inside.png").symlink_to(data / "NORMAL/a.png")
    (data / "NORMAL/out.png").symlink_to(tmp_path / "outside/NORMAL/b.png")
    (data / "NORMAL/dots.png").symlink_to("../../outside/NORMAL/b.png")
    (data / "PNEUMONIA").symlink_to(tmp_path / "outside/NORMAL")
    (data / "loop.png").symlink_to("loop.png")
    (data / "NORMAL/readme.txt").symlink_to(tmp_path / "outside")
    layout = list_films(data)
    assert layout.films == ("NORMAL/a.png",)
    assert set(layout.links) - set(layout.links_out) <= {"NORMAL/inside.png", "loop.png"}
    assert {"NORMAL/dots.png", "NORMAL/out.png", "PNEUMONIA"} <= set(layout.links_out)
    assert layout.class_folders == ("NORMAL",)


def test_the_signature_changes_with_every_file(tmp_path):
    put(tmp_path, "NORMAL/a.png", "NORMAL/b.png")
    seen = [list_films(tmp_path).signature()]
    assert list_films(tmp_path).signature() == seen[0]
    (tmp_path / "NORMAL/a.png").write_bytes(b"other")
    seen.append(list_films(tmp_path).signature())
    os.utime(tmp_path / "NORMAL/b.png", (1, 1))
    seen.append(list_films(tmp_path).signature())
    put(tmp_path, "loose.png")
    seen.append(list_films(tmp_path).signature())
    (tmp_path / "PNEUMONIA").mkdir()
    seen.append(list_films(tmp_path).signature())
    assert len(set(seen)) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep such names out")
def test_a_name_that_no_table_can_hold_is_said(tmp_path):
    put(tmp_path, "NORMAL/a.png")
    (tmp_path / "NORMAL/a.png").rename(tmp_path / os.fsdecode(b"NORMAL/\xff.png"))
    with pytest.raises(DataSetError, match=r"Expected a name in UTF-8, got NORMAL/\?.png"):
        list_films(tmp_path)


def test_a_folder_without_labelled_films_is_refused_before_it_is_listed(tmp_path):
    (tmp_path / "train" / "NORMAL").mkdir(parents=True)
    (tmp_path / "train" / "NORMAL" / "notes.txt").touch()
    (tmp_path / "film.jpeg").touch()
    with pytest.raises(DataSetError, match=r"found no such films in .*Give the folder"):
        check_labelled(tmp_path)
    (tmp_path / "train" / "NORMAL" / "film.jpeg").touch()
    check_labelled(tmp_path)


def test_of_a_folder_too_large_to_probe_nothing_is_said_yet(tmp_path, monkeypatch):
    for name in "abc":
        (tmp_path / name).mkdir()
    with pytest.raises(DataSetError):
        check_labelled(tmp_path)
    monkeypatch.setattr(layout, "_PROBED", 2)
    check_labelled(tmp_path)


@pytest.mark.parametrize(
    ("stem", "subtype", "group", "series"),
    [
        ("person12_bacteria_47", "bacterial", "bacteria-person12", "person"),
        ("person12_virus_33", "viral", "virus-person12", "person"),
        ("person1372_virus_2365_0001", "viral", "virus-person1372", "person"),
        ("PERSON7_Bacteria_1", "bacterial", "bacteria-person7", "person"),
        ("person07_bacteria_1 (1)", "bacterial", "bacteria-person7", "person"),
        ("IM-0115-0001", "normal", "IM-0115", "IM"),
        ("im-0429-0001-0002", "normal", "IM-0429", "IM"),
        ("NORMAL2-IM-0117-0001", "normal", "NORMAL2-IM-0117", "NORMAL2-IM"),
        ("normal2-im-1423-0001-0002", "normal", "NORMAL2-IM-1423", "NORMAL2-IM"),
        ("BACTERIA-1008087-0001", "bacterial", "patient-1008087", "BACTERIA"),
        ("VIRUS-1008087-0002", "viral", "patient-1008087", "VIRUS"),
        ("Normal-1003233-0001", "normal", "patient-1003233", "NORMAL"),
        ("00000013_005", "unknown", "00000013", "NIH"),
        ("00000013_0055", "unknown", "00000013_0055", ""),
        ("patient0007_view1", "unknown", "patient-0007", "patient"),
        ("PAT3N_2", "unknown", "patient-3n", "patient"),
        ("p10000032_x", "unknown", "patient-10000032", "patient"),
        ("film-3", "unknown", "film-3", ""),
        ("person12", "unknown", "person12", ""),
        ("person12_bacterium_1", "unknown", "person12_bacterium_1", ""),
        ("IM-x", "unknown", "IM-x", ""),
    ],
)
def test_a_file_name_gives_subtype_patient_and_series(stem, subtype, group, series):
    assert parse_name(stem) == NameFacts(subtype, group, series)


def test_the_person_counters_run_per_subtype():
    assert parse_name("person1_bacteria_1").group != parse_name("person1_virus_1").group


@pytest.mark.parametrize(
    ("folders", "split", "label", "subtype"),
    [
        (["train", "NORMAL"], "train", "normal", "normal"),
        (["chest_xray", "Test", "Pneumonia"], "test", "pneumonia", None),
        (["validation", "pneumonia"], "val", "pneumonia", None),
        (["val", "BACTERIA"], "val", "pneumonia", "bacterial"),
        (["PNEUMONIA", "viral"], None, "pneumonia", "viral"),
        (["Viral Pneumonia"], None, "pneumonia", "viral"),
        (["pneumonia_bacterial"], None, "pneumonia", "bacterial"),
        (["bacteria", "pneumonia"], None, "pneumonia", "bacterial"),
        (["1_NORMAL"], None, "normal", "normal"),
        (["NORMAL", "test"], "test", "normal", "normal"),
        (["bacteria_virus"], None, "pneumonia", None),
        (["normal_pneumonia"], None, None, None),
        (["normal_to_sort"], None, None, None),
        (["abnormal"], None, None, None),
        (["test_set_a"], None, None, None),
        (["train_set", "NORMAL"], "train", "normal", "normal"),
        (["test_data", "PNEUMONIA"], "test", "pneumonia", None),
        (["testset"], "test", None, None),
        (["ImagesTest"], "test", None, None),
        (["Validation images"], "val", None, None),
        (["train_pneumonia"], "train", "pneumonia", None),
        (["NORMAL", "images"], None, "normal", "normal"),
        (["not_normal"], None, None, None),
        (["COVID"], None, None, None),
        (["TrainSet_NORMAL"], "train", "normal", "normal"),
        (["Hold-Out", "Pneumonia xrays"], "test", "pneumonia", None),
        (["external_test"], "test", None, None),
        (["stage_2_test_images"], "test", None, None),
        (["Evaluation"], "test", None, None),
        (["Validación", "normal lungs"], "val", "normal", "normal"),
        (["trainval"], None, None, None),
        (["contest", "latest"], None, None, None),
        (["bacterialpneumonia"], None, "pneumonia", "bacterial"),
        (["no_pneumonia"], None, None, None),
        ([], None, None, None),
    ],
)
def test_folders_give_split_label_and_subtype(folders, split, label, subtype):
    assert parse_folders(folders) == FolderFacts(split, label, subtype)


def facts_of(root):
    return {film: (one.group, one.patient_known) for film, one in list_films(root).facts.items()}


def left_of(root):
    return {one.what: one.count for one in list_films(root).left_out}


def test_masks_and_unknown_classes_are_left_out_and_counted(tmp_path):
    for kind in ("Normal", "COVID", "Lung_Opacity"):
        put(tmp_path, f"{kind}/images/a.png", f"{kind}/masks/a.png", f"{kind}/images/b_mask.png")
    assert list_films(tmp_path).films == ("Normal/images/a.png",)
    assert left_of(tmp_path) == {"COVID": 1, "Lung_Opacity": 1, "masks": 6}


def test_files_are_told_by_content_where_their_ending_says_nothing(tmp_path):
    dicom = bytes(128) + b"DICM" + bytes(20)
    for name in ("1.2.826.0.10", "1.2.826.0.11", "x.IMA", "plain"):
        put(tmp_path, f"NORMAL/{name}")
        (tmp_path / "NORMAL" / name).write_bytes(dicom)
    put(tmp_path, "NORMAL/x.JPG (1)", "NORMAL/readme", "NORMAL/DICOMDIR", "NORMAL/t.csv")
    (tmp_path / "NORMAL/x.JPG (1)").write_bytes(b"\xff\xd8\xff\xe0" + bytes(20))
    listing = list_films(tmp_path)
    assert [film.removeprefix("NORMAL/") for film in listing.films] == [
        *("1.2.826.0.10", "1.2.826.0.11", "plain", "x.IMA", "x.JPG (1)"),
    ]
    assert len({one.group for one in listing.facts.values()}) == 5
    assert left_of(tmp_path) == {"other files (no ending, .csv)": 3}


def test_folders_that_only_look_like_splits_are_said(tmp_path):
    put(tmp_path, "my_test_b/NORMAL/a.png", "train/NORMAL/b.png")
    listing = list_films(tmp_path)
    assert {one.split for one in listing.facts.values()} == {"all", "train"}
    assert "look like splits and are not taken for them: my_test_b" in listing.notes[0]


def test_folders_of_classes_beside_each_other_may_be_splits(tmp_path):
    for part in ("alpha", "beta"):
        put(tmp_path, f"{part}/NORMAL/a.png", f"{part}/PNEUMONIA/b.png")
    listing = list_films(tmp_path)
    assert {one.split for one in listing.facts.values()} == {"all"}
    assert listing.notes[0].startswith("2 folders hold classes of their own (alpha, beta): their")


def test_pictures_in_hidden_folders_are_counted(tmp_path):
    put(tmp_path, "NORMAL/a.png", "NORMAL/.ipynb_checkpoints/a-checkpoint.png", ".git/x")
    assert left_of(tmp_path) == {"hidden files": 1}


def test_of_a_patient_cd_the_dicom_files_are_films(tmp_path):
    dicom = bytes(128) + b"DICM" + bytes(20)
    for name in ("DICOMDIR", "PT0/ST0/IM0", "VIEWER/logo.jpg", "autorun.inf", "README.TXT"):
        put(tmp_path, f"NORMAL/cd1/{name}")
    for name in ("DICOMDIR", "PT0/ST0/IM0"):
        (tmp_path / "NORMAL/cd1" / name).write_bytes(dicom)
    put(tmp_path, "NORMAL/a.jpg")
    assert list_films(tmp_path).films == ("NORMAL/a.jpg", "NORMAL/cd1/PT0/ST0/IM0")
    assert left_of(tmp_path) == {"files of a patient CD": 4}


def test_without_a_class_the_folders_of_the_images_are_named(tmp_path):
    put(tmp_path, "train/sano/a.png", "train/sano/b.png", "train/enfermo/c.png")
    for refuse in (list_films, check_labelled):
        with pytest.raises(DataSetError, match=r"3 images \(train/sano: 2; train/enfermo: 1\)"):
            refuse(tmp_path)


def test_a_class_in_another_language_is_mapped_however_its_accent_is_written(tmp_path):
    put(tmp_path, "sano/a.png", unicodedata.normalize("NFD", "Neumonía") + "/b.png")
    labels = Labels(None, LabelMap(folders=(("Sano", "normal"), ("neumonía", "pneumonia"))))
    assert sorted(one.label for one in list_films(tmp_path, labels).facts.values()) == [
        "normal",
        "pneumonia",
    ]


def test_augmented_copies_are_one_group_with_their_film(tmp_path):
    names = ("17", "17_flip", "17_aug_2", "17-rot90", "17_jpg.rf.0a1b2c", "18", "image_rot1")
    put(tmp_path, *(f"NORMAL/{name}.jpg" for name in names), "PNEUMONIA/17_flip.jpg")
    found = {film: group for film, (group, _) in facts_of(tmp_path).items()}
    assert len({found[f"NORMAL/{name}.jpg"] for name in names[:5]}) == 1
    assert len(set(found.values())) == 4
    put(tmp_path, *(f"NORMAL/{name}.jpg" for name in ("aug_5_1177", "aug_5_26", "aug_6_26")))
    assert len({group for group, _ in facts_of(tmp_path).values()}) == 6
    assert not any(known for _, known in facts_of(tmp_path).values())


def test_patients_folders_below_those_of_sites_and_of_discs(tmp_path):
    for site in ("north", "south"):
        put(tmp_path, *(f"NORMAL/{site}/Doe{n}/IM-0001-0001.dcm" for n in range(25)))
    put(tmp_path, *(f"PNEUMONIA/DICOM/PA{n:06}/ST0/SE0/IM0" for n in range(9)))
    for film in tmp_path.glob("PNEUMONIA/*/*/*/*/IM0"):
        film.write_bytes(bytes(128) + b"DICM" + bytes(20))
    found = facts_of(tmp_path)
    assert len({group for group, _ in found.values()}) == 59
    assert all(known for _, known in found.values())


def test_names_that_mean_nothing_without_their_folder_are_the_folders(tmp_path):
    for kind in ("NORMAL", "PNEUMONIA"):
        put(tmp_path, *(f"{kind}/Doe{n}{kind}/Chest_1/IM-0001-0001.dcm" for n in range(3)))
    found = facts_of(tmp_path)
    assert len({group for group, _ in found.values()}) == 6
    assert all(known for _, known in found.values())


def test_films_of_one_name_in_large_folders_are_not_taken_for_one_patient(tmp_path):
    for site in ("north", "south"):
        put(tmp_path, *(f"NORMAL/{site}/{n}.png" for n in range(9)))
    found = facts_of(tmp_path)
    assert len({group for group, _ in found.values()}) == 18
    assert not any(known for _, known in found.values())


def test_one_name_under_both_classes_is_two_films_of_unknown_patients(tmp_path):
    put(tmp_path, "NORMAL/1.png", "PNEUMONIA/1.png", "PNEUMONIA/2.png")
    assert facts_of(tmp_path) == {
        "NORMAL/1.png": ("NORMAL/1.png", False),
        "PNEUMONIA/1.png": ("PNEUMONIA/1.png", False),
        "PNEUMONIA/2.png": ("2", False),
    }
