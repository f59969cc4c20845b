"""CSV that a spreadsheet displays without evaluating formulas."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from metaeval.core.printable_text import is_formula

if TYPE_CHECKING:
    import pandas as pd

GUARD = "'"


class _Rows(io.StringIO):
    """Rows written with CR LF, so that cells with either are quoted, and stored with LF."""

    def write(self, row: str) -> int:
        """Add a row."""
        return super().write(row.removesuffix("\r\n") + "\n")


def guarded(value: Any) -> Any:
    """A cell that a spreadsheet may take for a formula, prefixed with an apostrophe.

    >>> guarded("=1+1"), guarded("-0.5"), guarded("judge"), guarded(-0.5)
    ("'=1+1", '-0.5', 'judge', -0.5)
    """
    return GUARD + value if isinstance(value, str) and is_formula(value) else value


def result_csv(frame: pd.DataFrame) -> str:
    """Rows of a result as CSV that is safe to open in a spreadsheet.

    Text that starts with = + - @, a tab or a line break (ignoring leading whitespace) is prefixed
    with an apostrophe; numbers are unchanged.
    """
    from pandas.api.types import is_numeric_dtype

    texts = [name for name in frame if not is_numeric_dtype(frame[name].dtype)]
    return plain_csv(frame.assign(**{name: frame[name].map(guarded) for name in texts}))


def plain_csv(frame: pd.DataFrame) -> str:
    """A frame as CSV with cells unchanged; those with any kind of line break are quoted."""
    rows = _Rows(newline="")
    frame.to_csv(rows, index=False, lineterminator="\r\n")
    return rows.getvalue()
