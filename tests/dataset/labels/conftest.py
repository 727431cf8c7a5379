"""A folder of small images that a table names."""

import pytest


@pytest.fixture
def put(tmp_path):
    """Write files below a folder `data`: bytes of no picture, for what is listed and not opened."""

    def write(*names, **texts):
        root = tmp_path / "data"
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(b"x")
        for name, text in texts.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, "utf-8")
        return root

    return write
