"""Foundations: argument checks, array types, output files and printable text.

- `errors`: The exception raised for invalid data or arguments, and one subclass of it.
- `validation`: Checks of arguments and columns, with messages that say what to type next.
- `typing`: Type aliases for arrays, so that signatures say what an array holds.
- `tolerances`: Numerical tolerances and the reason for each.
- `decimals`: Decimal differences of scores, and their comparison with thresholds.
- `printable_text`: Text that is safe to print: invisible characters are shown as code points.
- `spreadsheet_cells`: CSV that a spreadsheet displays without evaluating formulas.
- `atomic_write`: Atomic writes of one or several files.
- `progress`: A progress bar on stderr for work that takes more than two seconds.
- `compilation_cache`: The persistent cache of compiled kernels, and removal of damaged entries.
- `jax_versions`: Names that differ between versions of JAX.
"""

from __future__ import annotations

from metaeval.core.atomic_write import check_writable, interruption, write_all, written
from metaeval.core.compilation_cache import enable_compilation_cache
from metaeval.core.decimals import (
    SCORE_DIGITS,
    decide_with_threshold,
    difference,
    rounded_margins,
    same_margins,
    same_sizes,
    typical_decade,
    within,
)
from metaeval.core.errors import MetaevalError, UndefinedError
from metaeval.core.jax_versions import double_precision, split_over
from metaeval.core.printable_text import escaped_json, is_formula, is_hidden, printable, shortened
from metaeval.core.progress import with_progress
from metaeval.core.spreadsheet_cells import plain_csv, result_csv
from metaeval.core.tolerances import (
    NEAREST_TO_CERTAIN,
    ROUNDOFF,
    ROUNDOFF_OF_SUMS,
    SMALLEST_DIVISOR,
)
from metaeval.core.typing import Bools, Codes, Floats, numbers
from metaeval.core.validation import (
    check_fraction,
    check_integer,
    check_names,
    check_not_negative,
    check_one_of,
    did_you_mean,
    join_names,
    natural,
    no_such,
    require_column,
    require_known,
)

__all__ = [
    "NEAREST_TO_CERTAIN",
    "ROUNDOFF",
    "ROUNDOFF_OF_SUMS",
    "SCORE_DIGITS",
    "SMALLEST_DIVISOR",
    "Bools",
    "Codes",
    "Floats",
    "MetaevalError",
    "UndefinedError",
    "check_fraction",
    "check_integer",
    "check_names",
    "check_not_negative",
    "check_one_of",
    "check_writable",
    "decide_with_threshold",
    "did_you_mean",
    "difference",
    "double_precision",
    "enable_compilation_cache",
    "escaped_json",
    "interruption",
    "is_formula",
    "is_hidden",
    "join_names",
    "natural",
    "no_such",
    "numbers",
    "plain_csv",
    "printable",
    "require_column",
    "require_known",
    "result_csv",
    "rounded_margins",
    "same_margins",
    "same_sizes",
    "shortened",
    "split_over",
    "typical_decade",
    "with_progress",
    "within",
    "write_all",
    "written",
]
