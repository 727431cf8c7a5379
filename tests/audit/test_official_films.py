"""The published training films, indexed once: what the index and the audit say of them."""

import pytest

from pneumo_core.audit import check_integrity
from pneumo_core.dataset.catalogue import open_catalogue
from tests import SHARED

REAL = SHARED / "chest_xray"

pytestmark = pytest.mark.skipif(
    not REAL.is_dir(), reason="the training films (../shared) are not here"
)


@pytest.fixture(scope="module")
def official(audit_settings):
    return open_catalogue(REAL, settings=audit_settings)


def test_the_index_counts_films_and_patients(official):
    index = official.index
    assert index["readable"].all()
    assert index["split"].unique().tolist() == ["train"]
    counts = index["subtype"].value_counts().to_dict()
    assert counts == {"bacterial": 2530, "viral": 1345, "normal": 1341}
    patients = index.groupby("subtype")["group"].nunique().to_dict()
    assert patients == {"bacterial": 1353, "normal": 1211, "viral": 1090}
    # 22 pairs and 2 triples of the same bytes, each within one patient.
    assert index["sha256"].duplicated().sum() == 26
    assert index.groupby("sha256")["group"].nunique().max() == 1


def test_the_audit_finds_repeated_films_and_nothing_else(official):
    findings = {one.code: one for one in check_integrity(official)}
    # 22 pairs and 2 triples.
    assert findings["exact-duplicates"].count == 28
    assert len(findings["exact-duplicates"].films) == 50
    assert "children here: 808." in findings["wrong-key"].why
    assert "train pneumonia: 3,875 here, 3,875 published" in findings["published-counts"].why
    assert [code for code, one in findings.items() if one.count] == ["exact-duplicates"]
