"""Parts of a section that could be made, and why others could not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from metaeval.core import MetaevalError
from metaeval.reporting.drawing import figure
from metaeval.reporting.parts import Figure, Section, Table


@dataclass
class Collected:
    """Figures and tables so far, and for each that the data do not allow the reason."""

    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def draw(
        self, name: str, caption: str, function: Callable[..., Any], *args: Any, **options: Any
    ) -> None:
        """Add a figure."""
        made = self.made(caption, partial(figure, name, caption, function, *args, **options))
        self.figures += [] if made is None else [made]

    def tabulate(self, what: str, make: Callable[..., list[Table]], *args: Any) -> None:
        """Add tables."""
        self.tables += self.made(what, partial(make, *args)) or []

    def made(self, what: str, make: Callable[[], Any]) -> Any:
        """What could be made; else None, and the reason is noted."""
        try:
            return make()
        except MetaevalError as error:
            self.notes.append(f"{what.rstrip('.')}: {error}")
            return None

    def section(self, name: str, title: str, texts: Sequence[str] = ()) -> Section:
        """All of it as a section."""
        parts = tuple(self.tables), tuple(self.figures), tuple(self.notes)
        return Section(name, title, tuple(texts), *parts)
