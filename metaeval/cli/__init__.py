"""The command line.

- `main`: The command line: demo, check, evaluate, compare, fit, gate, report.
- `options`: Options of several commands, their types, reading tables and writing results.
- `group`: Exit codes, one-sentence errors, and output that cannot be written.
- `terminal`: Results as text for the terminal.
- `fit`: The command `fit`: the posterior of a model, summarized.
- `gate`: The command `gate`: an exit code that tells whether a new scorer passes.
- `report`: The command `report`: one HTML page, and its figures, tables and numbers as files.
- `demo`: The demo: simulated scorers of known quality, analyzed and compared with the truth.
"""

from __future__ import annotations

from metaeval.cli.main import cli

__all__ = [
    "cli",
]
