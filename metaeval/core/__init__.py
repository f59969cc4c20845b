"""What every other room stands on: checks of arguments, types of arrays, writing, printing.

- `errors`: The only exception that a user of metaeval can cause, and one kind of it.
- `validation`: Checks of arguments and columns whose messages say what to type next.
- `typing`: Names for arrays, so that signatures tell what an array holds.
- `tolerances`: Tolerances, each with its reason, so that equal means the same everywhere.
- `decimals`: Differences of scores as decimals, and comparisons of them with thresholds.
- `printable_text`: Text as it leaves the program: what a reader cannot see is shown by its
  number.
- `spreadsheet_cells`: Frames as CSV that a spreadsheet shows and does not run.
- `atomic_write`: Writing files: each one whole, all of them or none, and nothing left behind.
- `progress`: Progress on stderr for work that takes more than two seconds.
- `compilation_cache`: Where compiled kernels are kept between runs, and what is done with entries
  that are damaged.
- `jax_versions`: What JAX calls by other names in older versions.
"""

from __future__ import annotations

from metaeval.core.atomic_write import check_writable, write_all, written
from metaeval.core.compilation_cache import keep_compiled
from metaeval.core.decimals import (
    KNOWN,
    difference,
    rounded_margins,
    same_sizes,
    sign_within,
    typical_decade,
    within,
)
from metaeval.core.errors import MetaevalError, UndefinedError
from metaeval.core.jax_versions import double_precision, split_over
from metaeval.core.printable_text import escaped_json, is_formula, is_hidden, printable, shortened
from metaeval.core.progress import steps
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
    check_names,
    check_not_negative,
    check_one_of,
    check_whole,
    listed,
    natural,
    near_miss,
    no_such,
    require_column,
    require_known,
)

__all__ = [
    "KNOWN",
    "NEAREST_TO_CERTAIN",
    "ROUNDOFF",
    "ROUNDOFF_OF_SUMS",
    "SMALLEST_DIVISOR",
    "Bools",
    "Codes",
    "Floats",
    "MetaevalError",
    "UndefinedError",
    "check_fraction",
    "check_names",
    "check_not_negative",
    "check_one_of",
    "check_whole",
    "check_writable",
    "difference",
    "double_precision",
    "escaped_json",
    "is_formula",
    "is_hidden",
    "keep_compiled",
    "listed",
    "natural",
    "near_miss",
    "no_such",
    "numbers",
    "plain_csv",
    "printable",
    "require_column",
    "require_known",
    "result_csv",
    "rounded_margins",
    "same_sizes",
    "shortened",
    "sign_within",
    "split_over",
    "steps",
    "typical_decade",
    "within",
    "write_all",
    "written",
]
