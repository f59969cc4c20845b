"""What a result records besides its numbers: statistics, policy, provenance, notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

Detail = Mapping[str, str | float | None]
"""Further values of one scorer in one task, by name: threshold, accuracy without tuning, ..."""

SECTIONS = ("warnings", "notes", "policy", "statistics", "alignment", "details", "provenance")


@dataclass(frozen=True, kw_only=True)
class StatisticInfo:
    """Name and meaning of one statistic of a result.

    `beside` marks a statistic that was not requested: system accuracy at the item level. Meanings
    that do not apply are None.
    """

    name: str
    accuracy: bool
    better: str = "higher"
    status: str = "exact"
    unit: str = "other"
    beside: bool = False
    grouping: str | None = None
    average: str | None = None
    ties: str | None = None
    epsilon: str | None = None
    target: str | None = None
    whole: str | None = None


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Every choice that determines the numbers, given the data; None where it does not apply."""

    ties: str = "none"
    epsilon: str = "none"
    grouping: str = "item"
    average: str = "items"
    resample: str
    missing: str
    confidence: float
    interval: str | None = None
    test: str | None = None
    correction: str | None = None
    alternative: str | None = None
    equivalence_margin: float | None = None
    rope: float | None = None
    stop_after_exceedances: int | None = None
    weights: str | None = None
    label: str | None = None
    by: str | None = None
    baseline: str | None = None
    scorers: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Version, seed, numbers of draws and a hash of the data: what is needed to reproduce."""

    version: str
    seed: int | None = None
    n_resamples: int | None = None
    n_flips: int | None = None
    rows: int = 0
    data_sha256: str = ""
    python: str = ""
    signature: str = ""


@dataclass(frozen=True, kw_only=True)
class AlignmentSummary:
    """How labels and scores were matched: counts, columns of scorers, and reversed scorers."""

    counts: Mapping[str, int] = field(default_factory=dict)
    dropped: int = 0
    flipped: tuple[str, ...] = ()
    columns: tuple[Mapping[str, Any], ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return the summary as plain values, with counts under their names."""
        return {
            **self.counts,
            "dropped": self.dropped,
            "flipped": list(self.flipped),
            "columns": [dict(column) for column in self.columns],
        }

    @classmethod
    def of_plain(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild the summary from the output of `plain`."""
        named = ("dropped", "flipped", "columns")
        return cls(
            counts={name: value for name, value in values.items() if name not in named},
            dropped=values.get("dropped", 0),
            flipped=tuple(values.get("flipped", ())),
            columns=tuple(values.get("columns", ())),
        )


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Everything a result records besides its rows; JSON stores it as plain values.

    Parameters
    ----------
    kind : str
        The verb, or "posterior of ...".
    warnings, notes : tuple of str
    policy : Policy
    statistics : tuple of StatisticInfo
        The primary one first.
    alignment : AlignmentSummary
    details : tuple of mappings
    provenance : Provenance
    """

    kind: str
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    policy: Policy
    statistics: tuple[StatisticInfo, ...]
    alignment: AlignmentSummary = AlignmentSummary()
    details: tuple[Detail, ...] = ()
    provenance: Provenance

    @property
    def requested(self) -> list[str]:
        """Names of the statistics that were requested."""
        return [statistic.name for statistic in self.statistics if not statistic.beside]

    def plain(self) -> dict[str, Any]:
        """Return the metadata as plain values, omitting fields of statistics that do not apply."""
        infos = [
            {name: value for name, value in asdict(info).items() if value is not None}
            for info in self.statistics
        ]
        return {
            "kind": self.kind,
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "policy": asdict(self.policy),
            "statistics": infos,
            "alignment": self.alignment.plain(),
            "details": [dict(detail) for detail in self.details],
            "provenance": asdict(self.provenance),
        }

    @classmethod
    def of_plain(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild the metadata from the output of `plain`, ignoring unknown names."""
        policy = _known(Policy, values["policy"])
        names = policy.get("scorers")
        return cls(
            kind=values["kind"],
            warnings=tuple(values["warnings"]),
            notes=tuple(values["notes"]),
            policy=Policy(**policy | {"scorers": None if names is None else tuple(names)}),
            statistics=tuple(
                StatisticInfo(**_known(StatisticInfo, info)) for info in values["statistics"]
            ),
            alignment=AlignmentSummary.of_plain(values["alignment"]),
            details=tuple(values["details"]),
            provenance=Provenance(**_known(Provenance, values["provenance"])),
        )


def _known(record: type, values: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(record)}
    return {name: value for name, value in values.items() if name in names}
