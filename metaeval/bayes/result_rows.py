"""Rows of a result computed from draws: values of scorers and their differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metaeval.core import Floats
from metaeval.inference import POSTERIOR
from metaeval.resampling import tails
from metaeval.results import Row


@dataclass(frozen=True, kw_only=True)
class SummaryOptions:
    """Options for summaries of draws.

    `better` is the direction of better values; differences within `rope` of 0 are practically
    equivalent.
    """

    statistic: str
    status: str
    confidence: float = 0.95
    better: str = "higher"
    rope: float | None = None
    median: bool = False


def scorer_rows(
    options: SummaryOptions, names: Sequence[str], draws: Floats, columns: Mapping[str, Any]
) -> list[Row]:
    """Return posterior means, intervals and standard deviations of draws (draw, scorer)."""
    return [
        _summary_row(options, draws[:, m], columns, scorer=name) for m, name in enumerate(names)
    ]


def comparison_rows(
    options: SummaryOptions,
    names: Sequence[str],
    draws: Floats,
    pairs: Sequence[tuple[int, int]],
    columns: Mapping[str, Any],
) -> list[Row]:
    """Return differences of pairs of columns of draws (draw, scorer), with prob_better."""
    rows = []
    for a, b in pairs:
        equal = draws[:, a] == draws[:, b]  # the difference of equal infinities is 0
        difference = np.where(equal, 0.0, draws[:, a] - np.where(equal, 0.0, draws[:, b]))
        gain = -difference if options.better == "lower" else difference
        loss = float(np.maximum(-gain, 0.0).mean())
        rope = options.rope
        row = replace(
            _summary_row(options, difference, columns, scorer=names[a]),
            baseline=names[b],
            prob_better=float((gain > 0).mean() + (gain == 0).mean() / 2),
            expected_loss=None if options.better == "neither" else loss,
            prob_rope=None if rope is None else float((np.abs(difference) < rope).mean()),
        )
        rows.append(row)
    return rows


def _summary_row(
    options: SummaryOptions, draws: Floats, columns: Mapping[str, Any], scorer: str
) -> Row:
    """Summarize one quantity, by the median instead of the mean if some draws are infinite."""
    finite = bool(np.isfinite(draws).all())
    bounds = np.quantile(
        draws, tails(options.confidence)[:, 0], method="nearest" if not finite else "linear"
    )
    center = np.quantile(draws, 0.5, method="nearest")
    if finite and not options.median:
        center = draws.mean()
    return Row(
        statistic=options.statistic,
        scorer=scorer,
        estimate=float(center),
        lower=float(bounds[0]),
        upper=float(bounds[1]),
        se=float(draws.std(ddof=1)) if finite else np.nan,
        interval=POSTERIOR,
        status=options.status,
        **columns,
    )
