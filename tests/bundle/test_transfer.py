"""Export and import: the same bundle on the other side, or nothing and the reason."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from bundle_zips import files_of, signed, with_config, zipped

from pneumo_core.bundle import activate, active_name, load_bundle
from pneumo_core.bundle.ledger_file import checked_ledger
from pneumo_core.bundle.transfer import export_bundle, import_bundle
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pneumo_core.bundle import Bundle

Files = dict[str, bytes]


def contents(folder: Path) -> dict[str, str]:
    """Everything below a folder with its hash, hidden files too."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_bundle_comes_through_unchanged(
    exported: bytes, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    steps: list[str] = []
    made = import_bundle(exported, models_dir=tmp_path / "models", report=steps.append)
    assert (made.name, made.digest) == ("tiny", tiny_bundle.digest)
    assert contents(made.path) == contents(tiny_bundle.path)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tiny"]  # none in service
    assert export_bundle("tiny", models_dir=tmp_path / "models") == exported
    assert steps == ["Unpacking", "Checking every file", "Reading a synthetic film with it"]


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


# -- names


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


# -- what is refused, with nothing written


def link(files: Files) -> Any:
    info = zipfile.ZipInfo("tiny/openvino/model.bin")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    del files["tiny/openvino/model.bin"]
    return {**files, info: b"/etc/passwd"}


def bomb(files: Files) -> Any:
    info = zipfile.ZipInfo("tiny/predictions.csv")
    info.compress_type = zipfile.ZIP_DEFLATED
    del files["tiny/predictions.csv"]
    return {**files, info: bytes(30_000_000)}


def one_byte(files: Files) -> Files:
    weights = bytearray(files["tiny/openvino/model.bin"])
    weights[len(weights) // 2] ^= 1
    return files | {"tiny/openvino/model.bin": bytes(weights)}


def card(**changes: Any) -> Callable[[Files], Files]:
    def change(files: Files) -> Files:
        new = json.loads(files["tiny/card.json"]) | changes
        return signed(files | {"tiny/card.json": json.dumps(new).encode()})

    return change


def a_lambda(files: Files) -> Files:
    def change(config: Any) -> Any:
        config["config"]["layers"][2] |= {"class_name": "Lambda", "name": "trojan"}
        return config

    network = with_config(files["tiny/model.keras"], change)
    return signed(files | {"tiny/model.keras": network})


def without(name: str) -> Callable[[Files], Files]:
    return lambda files: signed({k: v for k, v in files.items() if k != f"tiny/{name}"})


def other(name: str, old: bytes, new: bytes) -> Callable[[Files], Files]:
    return lambda f: signed(f | {f"tiny/{name}": f[f"tiny/{name}"].replace(old, new, 1)})


def added(name: str) -> Callable[[Files], Files]:
    return lambda files: files | {name: b"evil"}


REFUSED = {
    "one byte changed": (one_byte, r"Model tiny: openvino/model\.bin has been altered: expected"),
    "a path upwards": (added("tiny/../../evil"), r"'tiny/\.\./\.\./evil' could lead outside"),
    "an absolute path": (added("/etc/evil"), "'/etc/evil' could lead outside of its folder"),
    "a drive": (added("C:/evil"), "'C:/evil' could lead outside of its folder"),
    "a link": (link, "'tiny/openvino/model.bin' is a link"),
    "a bomb": (bomb, r"tiny/predictions\.csv unpacks to .* times its size \(a zip bomb\)"),
    "a file too many": (added("tiny/run.py"), "'tiny/run.py' is none of its files"),
    "a bundle inside": (added("tiny/more.zip"), "'tiny/more.zip' is none of its files"),
    "a folder too many": (added("more/a.txt"), "'more/a.txt' is none of its files"),
    "no network": (without("model.keras"), r"the file tiny/model\.keras is missing"),
    "no sums": (lambda f: without("SHA256SUMS")(f) and {k: v for k, v in f.items()
                if not k.endswith("SUMS")}, "the file tiny/SHA256SUMS is missing"),
    "no card": (without("card.json"), r"there is no single folder in it with a card\.json"),
    "a card of another version": (card(format=2), "Model tiny: expected card format 1, got 2"),
    "a card without a temperature": (card(calibration={}), "a number in calibration.temperature"),
    "a card of another size": (card(input={"size": 96}), "its card says 96×96 pixels and 3 cl"),
    "a card of other classes": (card(classes=["normal", "pneumonia"]), "and 2 classes, the netw"),
    "figures that are none": (card(figures={"auc": "1.0"}), "value, low and high, in figures.auc"),
    "a Lambda": (a_lambda, r"'trojan' in it is of the class keras\.layers\.Lambda"),
    "a foreign operation": (other("openvino/model.xml", b'version="opset1"', b'version="evil"'),
                            "in openvino/model.xml, but its operation"),
    "other columns": (other("predictions.csv", b"film,", b"name,"), "its columns are not film, sp"),
    "a chance above 1": (other("predictions.csv", b",normal,normal,", b",normal,ill,"),
                         "line 2 is no prediction of a film"),
    "a ledger that is none": (added("tiny.ledger.jsonl"), "its line 1 is no look"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named_and_nothing_is_written(
    exported: bytes, models: Path, no_trial: list[Path], case: str
) -> None:
    spoil, message = REFUSED[case]
    before = contents(models.parent)
    with pytest.raises(BundleError, match=rf"^Nothing was imported\. .*{message}") as told:
        import_bundle(zipped(spoil(files_of(exported))), models_dir=models, replace=True)
    assert contents(models.parent) == before
    assert [path.name for path in models.iterdir() if path.name.startswith(".")] == []
    assert no_trial == []  # nothing of it was run
    assert "Restore the bundle" not in str(told.value)
    assert str(models) not in str(told.value)


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_zip_is_refused(models: Path, content: bytes) -> None:
    with pytest.raises(BundleError, match="but it is no zip file, or its end is missing"):
        import_bundle(content, models_dir=models)


def test_a_file_that_is_not_there_is_refused(models: Path) -> None:
    with pytest.raises(BundleError, match=r"but none\.zip cannot be read"):
        import_bundle(models / "none.zip", models_dir=models)


def test_a_bundle_that_fails_its_trial_is_not_there(
    exported: bytes, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise BundleError(f"Model {path.name}: cannot read a film.")

    monkeypatch.setattr("pneumo_core.bundle.transfer.try_out", fail)
    before = contents(models)
    with pytest.raises(BundleError, match=r"Nothing was imported\. Model new: cannot read a film"):
        import_bundle(exported, models_dir=models, name="new")
    assert contents(models) == before


# -- the ledger


def look(**changes: Any) -> str:
    """A line as `pneumo_core.review.ledger` writes it."""
    line = {"at": "2026-11-20T18:00:00+00:00", "version": "1.0", "digest": "0" * 16, "n": 624}
    line |= {"data": "1" * 16, "split": "test", "figures": {"auc": 0.9, "ece": None}, "pneumo": "1"}
    return json.dumps(line | changes)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "",
        look(n="624"),
        look(split="x" * 65),
        look(figures={"auc": "<b>"}),
        look(more=1),
    ],
)
def test_a_line_that_is_no_look_is_named(line: str) -> None:
    with pytest.raises(BundleError, match="a ledger of looks at test films, but its line 2 is no"):
        checked_ledger(f"{look()}\n{line}\n".encode())


def test_a_look_that_our_own_ledger_writes_is_one(models: Path) -> None:
    from pneumo_core.review import ledger

    bundle = load_bundle("tiny", models_dir=models)
    figures = dict.fromkeys(ledger.FIGURES, 0.5) | {"n": 624, "auc": float("nan")}
    assert ledger.record(bundle, data="1" * 16, split="test", figures=figures) == ""
    content = (models / "tiny.ledger.jsonl").read_bytes()
    assert checked_ledger(content) == content.decode().splitlines()


@pytest.mark.usefixtures("no_trial")
def test_the_ledger_goes_along_and_counts_each_look_once(models: Path, tmp_path: Path) -> None:
    first, second, third = (look(n=n) for n in (1, 2, 3))
    (models / "tiny.ledger.jsonl").write_text(f"{first}\n{second}\n")
    sent = export_bundle("tiny", models_dir=models)
    import_bundle(sent, models_dir=tmp_path / "new", name="renamed")
    assert (tmp_path / "new" / "renamed.ledger.jsonl").read_text() == f"{first}\n{second}\n"
    (models / "tiny.ledger.jsonl").write_text(f"{second}\n{third}\n")
    import_bundle(sent, models_dir=models, replace=True)
    kept = (models / "tiny.ledger.jsonl").read_text()
    assert kept == f"{second}\n{third}\n{first}\n"
    assert load_bundle("tiny", models_dir=models).name == "tiny"  # the ledger is no part of it


def test_put_in_service_twice_at_once_leaves_nothing_behind(models: Path) -> None:
    activate("tiny", models)
    assert sorted(path.name for path in models.iterdir()) == ["active", "tiny"]
