"""Tables of no known form: mapped, guessed, broken; and what is said of each."""

import pandas as pd
import pytest

from pneumo_core.config import load_settings
from pneumo_core.dataset.labels import LabelMap, Labels, keep_labels, kept_labels, read_map
from pneumo_core.dataset.labels.guess import match_files
from pneumo_core.dataset.labels.label_map import write_map
from pneumo_core.dataset.labels.table_files import read_table
from pneumo_core.dataset.layout import list_films
from pneumo_core.errors import DataSetError

GOOD = "image,label\na.png,normal\nb.png,Pneumonia\n"


def films(root, table="t.csv", **mapping):
    return list_films(root, Labels(root / table, LabelMap(**mapping)))


@pytest.mark.parametrize(
    "data",
    [
        GOOD.encode(),
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace(",", ";").encode(),
        GOOD.replace(",", "\t").encode(),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.encode("utf-16"),
        b"sep=;\n" + GOOD.replace(",", ";").encode(),
        ("image,label,Größe\na.png,normal,1\nb.png,pneumonia,2\n").encode("latin-1"),
        b"image,label\na,NORMAL\nb,PNEUMONIA\n",  # no endings
        b"label,image\nnormal,x/y/a.png\npneumonia,C:\\films\\b.png\n",  # paths of elsewhere
        b"image,label\na.png,normal\na.png,normal\nb.png,pneumonia\n",  # a row twice
    ],
    ids=["plain", "BOM", "semicolon", "tab", "CRLF", "UTF-16", "sep=", "Latin-1", "stems", "paths",
         "twice"],
)  # fmt: skip
def test_a_table_is_read_however_it_was_saved(put, data):
    root = put("films/a.png", "films/b.png")
    (root / "t.csv").write_bytes(data)
    found = films(root).facts
    assert {n: one.label for n, one in found.items()} == {
        "films/a.png": "normal",
        "films/b.png": "pneumonia",
    }


@pytest.mark.parametrize("ending", ["parquet", "tsv"])
def test_other_kinds_of_file(put, ending):
    root, table = put("a.png", "b.png"), pd.DataFrame({"image": ["a", "b"], "sick": [0.0, 1.0]})
    if ending == "parquet":
        table.to_parquet(root / "t.parquet")
    else:
        table.to_csv(root / "t.tsv", sep="\t", index=False)
    columns, classes = (("file", "image"), ("label", "sick")), (("0", "normal"), ("1", "viral"))
    if ending == "tsv":
        classes = (("0.0", "normal"), ("1.0", "viral"))
    found = films(root, f"t.{ending}", columns=columns, classes=classes).facts
    assert [found[name].subtype for name in ("a.png", "b.png")] == ["normal", "viral"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "It is empty"),
        ("image,label\n", "no row"),
        ("label\nnormal\npneumonia\n", "columns in t.csv for the file.*got label"),
        ("image,label\na.png,1\nb.png,2\n", r"for the label.*Values of label: \"1\", \"2\""),
        ("image,label\nq.png,normal\nr.png,pneumonia\n", "columns in t.csv for the file"),
        ("image,label\na.png,normal,x\nb.png,pneumonia,y,z\n", "cannot be read"),
        ("image,label\na.png,normal\nb.png,normal\n", "for the label"),
    ],
)
def test_a_broken_table_is_told_in_words(put, text, words):
    root = put("a.png", "b.png", **{"t.csv": text})
    with pytest.raises(DataSetError, match=words):
        films(root)


def test_a_mapping_that_does_not_fit_names_the_columns(put):
    root = put("a.png", "b.png", **{"t.csv": GOOD})
    with pytest.raises(DataSetError, match=r"Expected the column file in t.csv, got image, label"):
        films(root, columns=(("file", "file"), ("label", "label")))
    (root / "q.csv").write_text("image,label\nq.png,normal\n")
    with pytest.raises(DataSetError, match=r"names q\.png, the folder holds a.png"):
        films(root, "q.csv", columns=(("file", "image"), ("label", "label")))
    with pytest.raises(DataSetError, match=r"got normal, Pneumonia\. Give each a class"):
        films(root, columns=(("file", "image"), ("label", "label")), classes=(("x", "viral"),))
    with pytest.raises(DataSetError, match=r"Expected a table of labels at .*none\.csv"):
        films(root, "none.csv")


def test_everything_that_is_left_out_is_counted(put):
    text = (
        GOOD + "c.png,other\nd.png,normal\nd.png,pneumonia\nnowhere.png,normal\n,normal\nf,normal\n"
    )
    root = put(*(f"{name}.png" for name in "abcde"), "1/f.png", "2/f.png", **{"t.csv": text})
    left = {(one.what, one.why): one.count for one in films(root).left_out}
    assert left == {
        ("rows of t.csv", "no file is named"): 1,
        ("rows of t.csv", "no image of that name"): 1,
        ("rows of t.csv", "several images have that name"): 1,
        ("images", "not in t.csv"): 3,
        ("images", "labelled differently by its rows"): 1,
        ("labelled other", "neither normal nor pneumonia"): 1,
        ("other files (.csv)", "no images by their content"): 1,
    }


def test_patients_of_a_table_get_pseudonyms(put, tmp_path, monkeypatch):
    monkeypatch.setenv("PNEUMO_READINGS", str(tmp_path / "readings"))
    text = "image,label,Patient ID,age,sex\na.png,normal,MRN-77,4,w\nb.png,viral,MRN-77,018M,male\n"
    found = films(put("a.png", "b.png", **{"t.csv": text})).facts
    assert found["a.png"].group == found["b.png"].group
    assert found["a.png"].group.startswith("patient-")
    assert "MRN" not in found["a.png"].group
    assert (found["a.png"].sex, found["b.png"].sex, found["b.png"].age) == ("F", "M", 1.5)


def test_a_mapping_is_kept_as_toml_and_found_beside_the_films(put, tmp_path):
    root = put("a.png", "b.png", "Größe.png", **{"t.csv": 'image,"d ""x"""\na.png,ok\nb.png,ill\n'})
    labels = Labels(
        root / "t.csv",
        LabelMap((("file", "image"), ("label", 'd "x"')), (("ok", "normal"), ("ill", "bacterial"))),
    )
    path = keep_labels(root, labels, load_settings())
    assert path == root / "pneumo-dataset.toml"
    assert kept_labels(root) == labels
    assert [one.subtype for one in list_films(root).facts.values()] == ["normal", "bacterial"]
    write_map(labels, tmp_path / "elsewhere.toml")
    assert read_map(tmp_path / "elsewhere.toml").table == root / "t.csv"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[columns", "Expected TOML in m.toml"),
        ("[classes]\na = 'sick'", "Expected one of normal, .* got 'sick'"),
        ("[columns]\nfilm = 'x'", "got film"),
        ("reader = 'any'", "got reader. Rename"),
        ("readers = 'most'", "got 'most'"),
    ],
)
def test_a_broken_mapping_is_told_in_words(tmp_path, text, words):
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(DataSetError, match=words):
        read_map(tmp_path / "m.toml")


def test_rows_are_matched_a_column_at_a_time(monkeypatch):
    def never(*_args, **_options):
        pytest.fail("row by row")

    monkeypatch.setattr(pd.Series, "apply", never)
    monkeypatch.setattr(pd.DataFrame, "iterrows", never)
    monkeypatch.setattr(pd.DataFrame, "itertuples", never)
    names = [f"n{i}.png" for i in range(2000)]
    found = match_files(pd.Series(names, dtype=object), [f"x/{name}" for name in names])
    assert (found.film == pd.Series([f"x/{name}" for name in names])).all()


def test_a_sheet_is_text(tmp_path):
    pd.DataFrame({"a": [1.0, None], "b": ["x ", ""]}).to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").to_dict("list") == {"a": ["1", ""], "b": ["x", ""]}


PEOPLE = "file,Patient ID,Patient Age,sex,Projection\na.png,7,58,F,PA\nb.png,7,,M,Lateral\n"


def test_a_second_table_gives_age_sex_view_and_patient(put):
    root = put("x/a.png", "x/b.png", "x/c.png", **{"t.csv": f"{GOOD}c.png,normal\n"})
    (root / "people.csv").write_text(f"{PEOPLE}c.png,9,4y,F,AP\n")
    listing = films(root)
    assert sorted(listing.films) == ["x/a.png", "x/c.png"]
    a, c = (listing.facts[f"x/{name}.png"] for name in "ac")
    assert (a.age, a.sex, a.view, a.patient_known) == (58.0, "F", "PA", True)
    assert (c.age, c.view) == (4.0, "AP")
    assert a.group != c.group
    assert "7" not in a.group.split("-")
    assert "Age, sex, view, patient of 3 films from people.csv." in listing.notes
    left = {(one.what, one.why): one.count for one in listing.left_out}
    assert left["lateral views", "not frontal, by people.csv"] == 1


def test_what_the_first_table_says_stays_and_a_table_of_something_else_changes_nothing(put):
    text = "image,label,age,patient\na.png,normal,3,p1\nb.png,pneumonia,,p2\n"
    root = put("a.png", "b.png", **{"t.csv": text, "notes.csv": "day,ward\n1,2\n"})
    before = films(root)
    (root / "people.csv").write_text("image,age\na.png,80\nb.png,60\n")
    after = films(root)
    assert (after.facts["a.png"].age, after.facts["b.png"].age) == (3.0, 60.0)
    assert after.facts["a.png"].group == before.facts["a.png"].group
    assert before.labels_key != after.labels_key
    assert not before.notes


def test_films_in_class_folders_take_their_facts_from_a_table(put):
    root = put("NORMAL/a.png", "PNEUMONIA/b.png", **{"people.csv": PEOPLE})
    listing = list_films(root)
    assert listing.films == ("NORMAL/a.png",)
    assert listing.facts["NORMAL/a.png"].age == 58.0
