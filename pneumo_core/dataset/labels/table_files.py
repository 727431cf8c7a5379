"""A table of labels from a file: CSV, TSV, Excel or Parquet, every value as text."""

from __future__ import annotations

import gzip
import io
import warnings
from typing import TYPE_CHECKING

from pneumo_core.errors import DataSetError
from pneumo_core.formatting import file_size

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

TEXT_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
SHEET_ENDINGS = (".xlsx", ".xlsm", ".xls", ".ods")
ENDINGS = (*TEXT_ENDINGS, *SHEET_ENDINGS, ".parquet")
MAX_BYTES = 512 * 2**20  # PadChest's, the largest known, has 100 MB
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_HEAD = 2**20  # bytes, of which the first rows are read
_SEPARATORS = (",", ";", "\t", "|")


def is_table(name: str) -> bool:
    """Whether a file is a table, by its name."""
    return name.lower().endswith(ENDINGS) and not name.startswith((".", "~$"))


def has_tables(folder: Path) -> bool:
    """Whether a table lies directly in a folder."""
    return any(is_table(path.name) and path.is_file() for path in folder.iterdir())


def read_table(path: Path, *, rows: int | None = None) -> pd.DataFrame:
    """The table at `path`: every value as text without spaces around it, "" for none.

    Separator and encoding (UTF-8, UTF-16, else Windows-1252) are found by looking. rows: the most
    that are read. Raises DataSetError.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataSetError(
            f"Expected a table of labels at {path}, got: {error.strerror or error}. Check the path."
        ) from error
    if path.is_dir() or not path.name.lower().endswith((*ENDINGS, ".txt")):
        raise DataSetError(
            f"Expected a table of labels ({', '.join(ENDINGS)}), got {path.name}. Save it as CSV."
        )
    if not 0 < size <= MAX_BYTES:
        raise DataSetError(
            f"Expected a table of at most {file_size(MAX_BYTES)}, got {path.name} with "
            f"{file_size(size)}. {'It is empty.' if not size else 'Cut it to the columns needed.'}"
        )
    table = _read(path, rows)
    if table.empty:
        raise DataSetError(
            f"Expected a header and rows in {path.name}, got {len(table.columns)} columns and no "
            "row. Check the file."
        )
    table.columns = [str(name).strip() for name in table.columns]
    return table


def _read(path: Path, rows: int | None) -> pd.DataFrame:
    import pandas as pd

    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            return _as_text(pd.read_parquet(path).head(rows) if rows else pd.read_parquet(path))
        if name.endswith(SHEET_ENDINGS):
            return _as_text(pd.read_excel(path, engine="calamine", dtype=object, nrows=rows))
        return _read_text(_text_of(path, None if rows is None else _HEAD), rows)
    except DataSetError:
        raise
    except Exception as error:  # of the readers, each of which has its own
        # Their words may quote a cell, which may be a patient's; pandas' own name the line alone.
        said = str(error) if type(error).__module__.startswith("pandas") else ""
        said = said.removeprefix("Error tokenizing data. C error: ").strip()
        raise DataSetError(
            f"Expected a table in {path.name}, and it cannot be read{f': {said}' if said else ''}. "
            "Open it in a spreadsheet program, check it, and save it as CSV."
        ) from error


def _text_of(path: Path, most: int | None) -> str:
    """The text of a file; most: bytes at its beginning, cut at the end of a line, None for all."""
    if path.name.lower().endswith(".gz"):
        with gzip.open(path) as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise DataSetError(
                f"Expected a table of at most {file_size(MAX_BYTES)}, got more in {path.name}."
            )
    else:
        with path.open("rb") as file:
            data = file.read(-1 if most is None else most)
            if len(data) == most and data[:2] not in _UTF_16:
                data = data[: data.rfind(b"\n") + 1] or data
            else:
                data += file.read()
    if data[:2] in _UTF_16:
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # Excel's CSV in western Europe


def _read_text(text: str, rows: int | None) -> pd.DataFrame:
    import pandas as pd

    text = text.lstrip("\r\n")
    head = text.partition("\n")[0].strip()
    if head.lower().startswith("sep=") and len(head) == 5:  # Excel's own hint
        separator, text = head[4], text.partition("\n")[2]
    else:
        separator = max(_SEPARATORS, key=_outside_quotes(head).count)
    with warnings.catch_warnings():
        # Rows longer than the header would otherwise lose their ends, or their first column.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            skipinitialspace=True,
            index_col=False,
            nrows=rows,
        )
    stripped: pd.DataFrame = table.apply(lambda column: column.str.strip())
    return stripped


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Values of any type as text: 1.0 as "1", a missing one as ""."""

    def text(value: object) -> str:
        if value is None or value != value:  # noqa: PLR0124 - NaN and NaT
            return ""
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return str(value).strip()

    return table.map(text)
