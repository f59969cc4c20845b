"""The command line.

- `main`: The command line: demo, check, evaluate, compare, fit, gate, report.
- `options`: What commands share: options of readers, types of options, errors, and writing files.
- `group`: How commands end: exit codes, errors of one sentence, and output that cannot be
  written.
- `terminal`: What the command line prints.
- `fit`: The command `fit`: a posterior of a model, and what it says.
- `gate`: The command `gate`: an exit code that says whether a new scorer passes.
- `report`: The command `report`: one HTML page, and its figures, tables and numbers as files.
- `demo`: The demo: scorers of known quality, what the analysis says of them, and the truth beside
  it.
"""

from __future__ import annotations

from metaeval.cli.main import cli

__all__ = [
    "cli",
]
