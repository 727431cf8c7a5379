"""Export and import: the same bundle on the other side, or nothing and the reason."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from pneumo_core.bundle import active_name, load_bundle
from pneumo_core.bundle.transfer import export_bundle, import_bundle
from pneumo_core.errors import BundleError
from tests.bundle.bundle_zips import contents

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.bundle import Bundle


def test_a_bundle_comes_through_unchanged(
    exported: bytes, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    steps: list[str] = []
    made = import_bundle(exported, models_dir=tmp_path / "models", report=steps.append)
    assert (made.name, made.digest) == ("tiny", tiny_bundle.digest)
    assert contents(made.path) == contents(tiny_bundle.path)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tiny"]  # none in service
    assert export_bundle("tiny", models_dir=tmp_path / "models") == exported
    assert steps == ["Unpacking", "Checking every file", "Predicting a synthetic film with it"]


def test_the_same_bundle_gives_the_same_zip(exported: bytes, models: Path) -> None:
    for path in models.rglob("*"):
        path.touch()
    assert export_bundle("tiny", models_dir=models) == exported
    with zipfile.ZipFile(io.BytesIO(exported)) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_an_altered_bundle_is_not_exported(models: Path) -> None:
    (models / "tiny" / "README.md").write_text("Other.")
    with pytest.raises(BundleError, match=r"Model tiny: README\.md has been altered"):
        export_bundle("tiny", models_dir=models)


@pytest.mark.usefixtures("no_trial")
@pytest.mark.parametrize("kind", ["path", "stream"])
def test_a_zip_is_read_from_a_file_and_from_a_stream(
    exported: bytes, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "tiny.zip").write_bytes(exported)
    source = tmp_path / "tiny.zip" if kind == "path" else io.BytesIO(exported)
    assert import_bundle(source, models_dir=tmp_path / "models").name == "tiny"


@pytest.mark.usefixtures("no_trial")
def test_a_taken_name_is_refused_unless_replaced(exported: bytes, models: Path) -> None:
    (models / "tiny" / "README.md").write_text("Damaged.")
    with pytest.raises(BundleError, match="there is a model 'tiny' already"):
        import_bundle(exported, models_dir=models)
    made = import_bundle(exported, models_dir=models, replace=True)
    assert load_bundle("tiny", models_dir=models).digest == made.digest
    assert sorted(path.name for path in models.iterdir()) == ["active", "tiny"]


def test_another_name_may_be_given_and_service_stays(
    exported: bytes, models: Path, no_trial: list[Path]
) -> None:
    made = import_bundle(exported, models_dir=models, name="other")
    assert (made.name, active_name(models)) == ("other", "tiny")
    assert [path.name for path in no_trial] == ["other"]
    assert not no_trial[0].exists()  # it was tried where no list shows it


@pytest.mark.parametrize("name", ["../other", "Other", "active", "tiny.ledger.jsonl", ".hidden"])
def test_a_name_that_is_none_is_refused(exported: bytes, models: Path, name: str) -> None:
    with pytest.raises(BundleError, match=r"Nothing was imported\. Expected a model name of"):
        import_bundle(exported, models_dir=models, name=name)
