"""One HTML page with everything that a table says of its scorers, and its parts as files."""

from __future__ import annotations

from metaeval.reporting.writing import report

__all__ = ["report"]
