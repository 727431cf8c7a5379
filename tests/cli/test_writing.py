"""Output paths: checked while the call is read, before any work, and left as they are."""

import pytest
import typer

from pneumo_core.bundle.registry import ledger_path
from pneumo_core.cli.console import writable_file, writable_folder

CALLS = [
    ("evaluate", "--split", "test", "--predictions"),
    ("report", "--split", "test", "--html"),
    ("report", "--split", "test", "--pdf"),
    ("report", "--split", "test", "--tables"),
    ("stress", "--csv"),
    ("audit", "--html"),
    ("folds", "--out"),
    ("predict", "--csv"),
    ("predict", "--overlay"),
]


@pytest.mark.parametrize("command_line", CALLS, ids=" ".join)
def test_a_path_that_cannot_be_written_is_refused_before_the_work(
    run, labelled, tmp_path, tiny_bundle, command_line
):
    (tmp_path / "file").touch()
    command, *options = command_line
    data = ("--data", labelled) if command == "report" else (labelled,)
    code, out, err = run(command, *data, *options, tmp_path / "file" / "out")
    assert (code, out) == (2, "")
    assert options[-1] in err
    assert "Name another" in err.replace("\n", " ")
    assert not ledger_path(tiny_bundle.path).exists()
    assert not (tmp_path / "cache").exists()


def test_a_file_that_is_there_stays_as_it_is_and_a_new_one_is_not_left(tmp_path):
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text("kept")
    assert (writable_file(str(old)), writable_file(str(new))) == (old, new)
    assert old.read_text() == "kept"
    assert not new.exists()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is a folder. Name a file in it"),
        ("none/out.csv", "its folder is not there. Name another place"),
        ("x" * 300, "File name too long. Name another place"),
    ],
)
def test_what_is_no_place_for_a_file_is_told(tmp_path, name, why):
    with pytest.raises(typer.BadParameter, match=why):
        writable_file(str(tmp_path / name))


def test_a_folder_may_be_new_and_is_not_made_yet(tmp_path):
    assert writable_folder(str(tmp_path / "new" / "tables")) == tmp_path / "new" / "tables"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(typer.BadParameter, match="Not a directory"):
        writable_folder(str(tmp_path / "file"))
