"""What a stranger sent and is refused: named, and with nothing written."""

from __future__ import annotations

import json
import stat
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from pneumo_core.bundle.transfer import import_bundle
from pneumo_core.errors import BundleError
from tests.bundle.bundle_zips import contents, files_of, signed, with_config, zipped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Files = dict[str, bytes]


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
    "a path upwards": (added("tiny/../../evil"), r"'tiny/\.\./\.\./evil' could be written outside"),
    "an absolute path": (added("/etc/evil"), "'/etc/evil' could be written outside its folder"),
    "a drive": (added("C:/evil"), "'C:/evil' could be written outside its folder"),
    "a link": (link, "'tiny/openvino/model.bin' is a link"),
    "a bomb": (bomb, r"tiny/predictions\.csv expands to .* times its size \(a zip bomb\)"),
    "a file too many": (added("tiny/run.py"), "'tiny/run.py' is not one of its files"),
    "a bundle inside": (added("tiny/more.zip"), "'tiny/more.zip' is not one of its files"),
    "a folder too many": (added("more/a.txt"), "'more/a.txt' is not one of its files"),
    "no network": (without("model.keras"), r"the file tiny/model\.keras is missing"),
    "no sums": (lambda f: without("SHA256SUMS")(f) and {k: v for k, v in f.items()
                if not k.endswith("SUMS")}, "the file tiny/SHA256SUMS is missing"),
    "no card": (without("card.json"), r"it does not hold exactly one folder with a card\.json"),
    "a card of another version": (card(format=2), "Model tiny: expected card format 1, got 2"),
    "a card without a temperature": (card(calibration={}), "a value in calibration.temperature"),
    "a card of another size": (card(input={"size": 96}), "its card says 96×96 pixels and 3 cl"),
    "a card of other classes": (card(classes=["normal", "pneumonia"]), "and 2 classes, the netw"),
    "figures that are none": (card(figures={"auc": "1.0"}), "value, low and high, in figures.auc"),
    "a Lambda": (a_lambda, r"'trojan' in it is of the class keras\.layers\.Lambda"),
    "a foreign operation": (other("openvino/model.xml", b'version="opset1"', b'version="evil"'),
                            "in openvino/model.xml, but its operation"),
    "other columns": (other("predictions.csv", b"film,", b"name,"), "its columns are not film, sp"),
    "a chance above 1": (other("predictions.csv", b",normal,normal,", b",normal,ill,"),
                         "line 2 is not the prediction of a film"),
    "a ledger that is none": (added("tiny.ledger.jsonl"), "its line 1 is not an evaluation"),
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
    with pytest.raises(BundleError, match="but it is not a zip file, or it is truncated"):
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
