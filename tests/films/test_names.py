"""File names and folders of every known variant of the data set."""

import pytest

from pneumo_core.dataset.layout import FolderFacts, NameFacts, parse_folders, parse_name


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
        ([], None, None, None),
    ],
)
def test_folders_give_split_label_and_subtype(folders, split, label, subtype):
    assert parse_folders(folders) == FolderFacts(split, label, subtype)
