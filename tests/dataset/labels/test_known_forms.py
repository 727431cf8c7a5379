"""Each public data set's own columns and spellings, read without a question."""

import zipfile
from xml.sax.saxutils import escape

import pytest

from pneumo_core.dataset.labels import LabelMap, Labels
from pneumo_core.dataset.layout import list_films

HEAD_14 = (
    "No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,"
    "Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,"
    "Support Devices"
)


def chexpert(no_finding="", pneumonia=""):
    return f"{no_finding},,,,,,,{pneumonia},,,,,,"


SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def write_sheet(path, rows):
    """The least that a spreadsheet program takes for an .xlsx file."""
    cells = "".join(
        "<row>" + "".join(
            f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>' for value in row
        ) + "</row>"
        for row in rows
    )  # fmt: skip
    types = f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" '
    types += 'ContentType="application/xml"/>'
    types += '<Default Extension="rels" ContentType="application/xml"/></Types>'
    link = f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" Type="{OFFICE}/'
    book = f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets><sheet name="a" sheetId="1" '
    parts = {
        "[Content_Types].xml": types,
        "_rels/.rels": f'{link}officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{book}r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{link}worksheet" Target="s.xml"/></Relationships>',
        "xl/s.xml": f'<worksheet xmlns="{SHEET}"><sheetData>{cells}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as file:
        for name, text in parts.items():
            file.writestr(name, text)


def read(root, table=None, **options):
    labels = None if table is None else Labels(root / table, LabelMap(**options))
    listing = list_films(root, labels)
    return listing, {film.rpartition("/")[2]: facts for film, facts in listing.facts.items()}


def left(listing):
    return {(one.what, one.count) for one in listing.left_out}


def test_rsna_with_many_rows_an_image(put):
    root = put(
        *(f"stage_2_train_images/{name}.dcm" for name in ("aa-1", "bb-2", "cc-3")),
        **{
            "stage_2_train_labels.csv": "patientId,x,y,width,height,Target\n"
            "aa-1,,,,,0\nbb-2,264.0,152.0,213.0,379.0,1\nbb-2,562.0,152.0,256.0,453.0,1\n"
            "cc-3,,,,,0\n",
            "stage_2_detailed_class_info.csv": "patientId,class\naa-1,Normal\n"
            "bb-2,Lung Opacity\nbb-2,Lung Opacity\ncc-3,No Lung Opacity / Not Normal\n",
        },
    )
    for table in (None, "stage_2_train_labels.csv"):
        listing, films = read(root, table)
        assert {name: one.label for name, one in films.items()} == {
            "aa-1.dcm": "normal",
            "bb-2.dcm": "pneumonia",
        }
        assert "RSNA" in listing.source
        assert ("labelled No Lung Opacity / Not Normal", 1) in left(listing)
        # patientId is an image's name there.
        assert not any(one.patient_known for one in films.values())


def test_rsna_without_the_classes_takes_no_opacity_for_normal(put):
    table = {
        "stage_2_train_labels.csv": "patientId,x,y,width,height,Target\na,,,,,0\nb,1,1,1,1,1\n"
    }
    _, films = read(put("a.dcm", "b.dcm", **table))
    assert [films[name].label for name in ("a.dcm", "b.dcm")] == ["normal", "pneumonia"]


@pytest.mark.parametrize("age", ["58", "058Y"])
def test_nih_by_findings_with_age_sex_view_and_the_publishers_split(put, age):
    root = put(
        *(f"images_001/images/0000001{n}_000.png" for n in range(4)),
        **{
            "Data_Entry_2017_v2020.csv": "Image Index,Finding Labels,Follow-up #,Patient ID,"
            "Patient Age,Patient Gender,View Position,OriginalImage[Width,Height],x\n"
            f"00000010_000.png,No Finding,0,10,{age},M,PA,1,1,1\n"
            f"00000011_000.png,Infiltration|Pneumonia,0,11,{age},F,AP,1,1,1\n"
            f"00000012_000.png,Effusion,0,12,{age},F,AP,1,1,1\n",
            "test_list.txt": "00000011_000.png\n",
        },
    )
    listing, films = read(root)
    one = films["00000011_000.png"]
    assert (one.label, one.age, one.sex, one.view) == ("pneumonia", 58.0, "F", "AP")
    assert (one.split, one.group, one.patient_known) == ("test", "11", True)
    assert films["00000010_000.png"].label == "normal"
    assert {("labelled Effusion", 1), ("images", 1)} <= left(listing)


PCXR = (
    "image_id,rad_ID,No finding,Bronchitis,Brocho-pneumonia,Other disease,Bronchiolitis,"
    "Situs inversus,Pneumonia,Pleuro-pneumonia,Tuberculosis\n"
)


def test_vindr_pcxr_with_several_readers(put):
    rows = {
        "aa": ("1,0,0,0,0,0,0,0,0",) * 3,
        "bb": ("0,0,1,0,0,0,0,0,0", "0,0,0,0,0,0,1,0,0", "1,0,0,0,0,0,0,0,0"),
        "cc": ("0,1,0,0,0,0,0,0,0",) * 3,
    }
    text = PCXR + "".join(
        f"{image},R{reader},{row}\n"
        for image, given in rows.items()
        for reader, row in enumerate(given)
    )
    root = put(
        "train/aa.dicom", "train/bb.dicom", "train/cc.dicom", **{"image_labels_train.csv": text}
    )
    listing, films = read(root)
    assert {name: one.label for name, one in films.items()} == {
        "aa.dicom": "normal",
        "bb.dicom": "pneumonia",
    }
    assert films["aa.dicom"].split == "train"
    # Per image 3/3, 1/3 and 3/3 pairs agree; shares 4/9, 2/9, 3/9: (7/9 − 29/81) / (1 − 29/81).
    assert listing.agreement.value == pytest.approx((7 / 9 - 29 / 81) / (1 - 29 / 81))
    assert any("Fleiss' kappa" in note for note in listing.notes)
    listing, films = read(root, "image_labels_train.csv", readers="unanimous")
    assert list(films) == ["aa.dicom"]
    assert ("images", 1) in left(listing)


def test_vindr_cxr_of_the_test_set_has_no_reader(put):
    text = (
        "image_id,Aortic enlargement,Consolidation,Other diseases,Pneumonia,No finding\n"
        "aa,0,0,0,0,1\nbb,0,1,0,1,0\ncc,1,0,0,0,0\n"
    )
    _, films = read(put("aa.dicom", "bb.dicom", "cc.dicom", **{"image_labels_test.csv": text}))
    assert {n: (one.label, one.split) for n, one in films.items()} == {
        "aa.dicom": ("normal", "test"),
        "bb.dicom": ("pneumonia", "test"),
    }


def test_chexpert_with_uncertain_blank_and_lateral(put):
    base = "CheXpert-v1.0-small/train/patient0000{}/study1/view1_{}.jpg"
    rows = [
        (base.format(1, "frontal"), "Female,68,Frontal,AP", chexpert("1.0")),
        (base.format(2, "frontal"), "Male,4,Frontal,PA", chexpert(pneumonia="1.0")),
        (base.format(3, "frontal"), "Male,4,Frontal,PA", chexpert(pneumonia="-1.0")),
        (base.format(4, "frontal"), "Male,4,Frontal,PA", chexpert(pneumonia="0.0")),
        (base.format(2, "lateral"), "Male,4,Lateral,", chexpert(pneumonia="1.0")),
    ]
    text = f"Path,Sex,Age,Frontal/Lateral,AP/PA,{HEAD_14}\n" + "".join(
        f"{','.join(row)}\n" for row in rows
    )
    # The root is the folder inside: the table's paths begin one folder above it.
    root = put(*(path.partition("/")[2] for path, *_ in rows), **{"train.csv": text})
    listing, _ = read(root)
    facts = {one.group: (one.label, one.sex, one.age, one.view) for one in listing.facts.values()}
    assert facts == {
        "patient00001": ("normal", "F", 68.0, "AP"),
        "patient00002": ("pneumonia", "M", 4.0, "PA"),
    }
    assert len(listing.films) == 2
    assert {
        ("lateral views", 1),
        ("labelled Pneumonia uncertain", 1),
        ("labelled other findings", 1),
    } <= left(listing)
    assert next(iter(listing.facts.values())).split == "train"


@pytest.mark.parametrize("metadata", [True, False])
def test_mimic_by_study_and_by_image(put, metadata):
    folder = "files/p10/p10000032/s5041426{}/"
    images = [folder.format(n) + f"img-{n}.jpg" for n in (7, 8)]
    names = sorted(HEAD_14.split(","))
    rows = ({"No Finding": "1.0"}, {"Pneumonia": "1.0", "Edema": "-1.0"})
    text = ",".join(["subject_id", "study_id", *names]) + "\n"
    for study, row in zip((50414267, 50414268), rows, strict=True):
        text += ",".join(["10000032", str(study), *(row.get(name, "") for name in names)]) + "\n"
    tables = {"mimic-cxr-2.0.0-chexpert.csv": text}
    if metadata:
        tables["mimic-cxr-2.0.0-metadata.csv"] = (
            "dicom_id,subject_id,study_id,ViewPosition\n"
            "img-7,10000032,50414267,PA\nimg-8,10000032,50414268,AP\n"
        )
    _, films = read(put(*images, **tables), "mimic-cxr-2.0.0-chexpert.csv")
    assert [films[f"img-{n}.jpg"].label for n in (7, 8)] == ["normal", "pneumonia"]
    assert {one.group for one in films.values()} == {"p10000032"}
    assert films["img-8.jpg"].view == ("AP" if metadata else "")


def test_padchest(put):
    text = (
        '"",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,'
        "Projection,Manufacturer_DICOM,Labels\n"
        "0,a.png,0,20140915,s1,p1,1930.0,F,PA,Philips,\"['normal']\"\n"
        "1,b.png,1,20140915,s2,p2,2010.0,M,AP,Philips,\"['infiltrates', ' pneumonia']\"\n"
        "2,c.png,1,20140915,s2,p2,2010.0,M,L,Philips,\"['pneumonia']\"\n"
        "3,d.png,1,20140915,s3,p3,,M,PA,Philips,\"['normal', 'scoliosis']\"\n"
    )
    listing, films = read(put("0/a.png", "1/b.png", "1/c.png", "1/d.png", **{"pad.csv": text}))
    assert {n: one.label for n, one in films.items()} == {"a.png": "normal", "b.png": "pneumonia"}
    assert (films["b.png"].age, films["b.png"].manufacturer) == (4.0, "Philips")
    assert ("lateral views", 1) in left(listing)


def test_covid_radiography_by_folders_with_masks_and_metadata(put):
    names = (
        "Normal/{}/Normal-1.png",
        "Viral Pneumonia/{}/Viral Pneumonia-1.png",
        "COVID/{}/COVID-1.png",
    )
    root = put(*(name.format(kind) for name in names for kind in ("images", "masks")))
    for name, address in (
        ("NORMAL-1", "https://www.kaggle.com/c/rsna-pneumonia-detection-challenge/data"),
        ("Viral Pneumonia-1", "https://www.kaggle.com/paultimothymooney/chest-xray-pneumonia"),
    ):
        stem = name.partition("-")[0].title()
        rows = [("FILE NAME", "FORMAT", "SIZE", "URL"), (name, "PNG", "256*256", address)]
        write_sheet(root / f"{stem}.metadata.xlsx", rows)
    listing, films = read(root)
    assert {n: (one.subtype, one.site) for n, one in films.items()} == {
        "Normal-1.png": ("normal", "RSNA Pneumonia Challenge"),
        "Viral Pneumonia-1.png": ("viral", "Kermany (Kaggle chest-xray-pneumonia)"),
    }
    assert {("COVID", 1), ("masks", 3)} <= left(listing)
    assert any("Kermany's" in note for note in listing.notes)
    mapped = list_films(root, Labels(None, LabelMap(folders=(("COVID", "viral"),))))
    assert mapped.facts["COVID/images/COVID-1.png"].subtype == "viral"
