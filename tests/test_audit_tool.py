"""`make audit`: what could not be looked up does not count as checked."""

import stat

import pytest

from tools.audit import main

CLEAN = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1"}, {"id": "CVE-2"}]}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found on PyPI"}


@pytest.fixture
def audit(tmp_path, capsys):
    """A function: the code and the words after a pip-audit that writes `content`."""

    def run(content):
        command = tmp_path / "pip-audit"
        command.write_text(f"#!/bin/sh\necho no network >&2\n{content}\n")
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        code = main(str(command), "requirements.lock", str(tmp_path / "out.json"))
        out, err = capsys.readouterr()
        return code, out + err

    def found(*packages):
        text = str({"dependencies": list(packages)}).replace("'", '"')
        return run(f"for last; do :; done; echo '{text}' > \"$last\"")

    run.found = found
    return run


def test_all_checked_and_clean(audit):
    assert audit.found(CLEAN) == (
        0,
        "Of 1 packages 1 were checked, 0 have known vulnerabilities.\n",
    )


def test_a_vulnerable_package_is_named(audit):
    code, said = audit.found(CLEAN, BAD)
    assert code == 1
    assert said.startswith("b 2: CVE-1, CVE-2\nOf 2 packages 2 were checked, 1 have known")


def test_what_could_not_be_looked_up_was_not_checked(audit):
    code, said = audit.found(SKIPPED, SKIPPED)
    assert code == 1
    assert "Of 2 packages 0 were checked" in said
    assert "2 could not be checked: the database (PyPI) does not answer" in said


def test_without_a_result_nothing_was_checked(audit):
    assert audit("exit 1") == (
        1,
        "No package was checked: pip-audit ended without a result (no network).\n",
    )
