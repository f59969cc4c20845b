"""Figures and tables of a section, and the reasons for those that are not available."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from metaeval.core import MetaevalError
from metaeval.reporting.drawing import draw_figure
from metaeval.reporting.parts import Figure, Section, Table


@dataclass
class SectionBuilder:
    """Figures and tables of a section; `notes` give the reasons for those that cannot be made."""

    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add_figure(
        self, name: str, caption: str, function: Callable[..., Any], *args: Any, **options: Any
    ) -> None:
        """Draw and add a figure."""
        drawing = self.attempt(
            caption, partial(draw_figure, name, caption, function, *args, **options)
        )
        self.figures += [] if drawing is None else [drawing]

    def add_tables(self, what: str, make: Callable[..., list[Table]], *args: Any) -> None:
        """Compute and add tables."""
        self.tables += self.attempt(what, partial(make, *args)) or []

    def attempt(self, what: str, make: Callable[[], Any]) -> Any:
        """Return what `make` returns; if it fails, note the reason and return None."""
        try:
            return make()
        except MetaevalError as error:
            self.notes.append(f"{what.rstrip('.')}: {error}")
            return None

    def build(self, name: str, title: str, texts: Sequence[str] = ()) -> Section:
        """Return the collected figures, tables and notes as a section."""
        parts = tuple(self.tables), tuple(self.figures), tuple(self.notes)
        return Section(name, title, tuple(texts), *parts)
