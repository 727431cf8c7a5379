"""Words of others are shown as they stand: no picture is fetched, no link is made."""

from collections import Counter

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import page
from pages.ui.diagnose.upload import progress_words
from pages.ui.page import plain
from tests import ROOT

DIAGNOSE = str(ROOT / "pages" / "diagnose.py")
EVIL = "![x](http://evil/x.png)"
SHOWN = "!\\[x\\](http:\u2060//evil/x.png)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (EVIL, SHOWN),
        ("[x](//evil)", "\\[x\\](//evil)"),
        ("<http://evil>", "\\<http:\u2060//evil>"),
        ("HTTPS://evil", "HTTPS:\u2060//evil"),
        ("www.evil.org WWW.evil", "www\u2060.evil.org WWW\u2060.evil"),
        ("a@evil.org", "a\u2060@evil.org"),
        (":red[x] :material/home:", "\\:red\\[x\\] \\:material/home:"),
        ("_x_ person1_virus_6.jpeg", "\\_x\\_ person1_virus_6.jpeg"),
        ("`a` *b* $c$ ~d~ \\", "\\`a\\` \\*b\\* \\$c\\$ \\~d\\~ \\\\"),
        ("Expected a film, got 3 bytes (0.1 kB): it's 100 % empty.", None),
        ("python -m pneumo_core train DATA --activate", None),
    ],
)  # fmt: skip
def test_signs_of_markdown_are_shown_as_signs(text, shown):
    assert plain(text) == (text if shown is None else shown)


def raising():
    from pages.ui.page import plain_words
    from pneumo_core.errors import DataSetError

    with plain_words():
        raise DataSetError("Expected a film in ![x](http://evil/x.png).")


def test_the_words_of_an_error_are_no_markdown():
    page = AppTest.from_function(raising, default_timeout=300).run()
    assert page.error[0].value == f"Expected a film in {SHOWN}."
    assert not page.exception


def failing():
    from pages.ui.page import plain_words

    with plain_words():
        raise PermissionError(13, "Permission denied", "/home/someone/[.pneumo]")


def test_what_the_disk_says_is_told_without_its_folders():
    page = AppTest.from_function(failing, default_timeout=300).run()
    assert page.error[0].value == (
        "Expected to read and write Pneumo's files, got: Permission denied (\\[.pneumo\\]). "
        "Check the permissions of its folders and the free space on the disk."
    )


def test_a_film_named_like_a_picture_elsewhere_fetches_nothing(reader, png):
    page = AppTest.from_file(DIAGNOSE, default_timeout=300).run()
    for files in ([(EVIL, png(225))], [(EVIL, png(225)), (EVIL, b"no film")]):
        page.file_uploader[0].set_value([(*file, "image/png") for file in files]).run()
        assert not page.exception
    assert page.toast[0].value == f"{SHOWN} is already in the list and was not read again."
    assert page.dataframe[0].value["file"].tolist() == [EVIL, EVIL]
    kinds = (page.error, page.warning, page.info, page.markdown, page.caption, page.toast)
    assert "![x](" not in " ".join(one.value for kind in kinds for one in kind)
    assert progress_words(EVIL, 1, 3, 20.0) == f"Reading 2 of 3: {SHOWN} · about 20 s left"
    assert progress_words(EVIL, 0, 1, None) == f"Reading 1 of 1: {SHOWN}"


def test_the_collector_is_spared_what_the_first_runs_import(monkeypatch):
    frozen = []
    monkeypatch.setattr(page.gc, "freeze", lambda: frozen.append(1))
    monkeypatch.setattr(page, "_runs", Counter())
    for _ in range(8):
        page._set_imports_aside("Metrics")
    page._set_imports_aside("Models")
    assert len(frozen) == 6
