"""The columns of a result and their types."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

TEXTS = ("statistic", "task", "scorer", "baseline", "interval", "test", "status")

COUNTS = ("n_items", "n_clusters", "n_rows", "n_dropped")

LEVELS = ("chance", "best_constant", "tie_rate", "expected_if_calibrated")

COLUMNS = (
    *("statistic", "task", "scorer", "baseline", "estimate", "lower", "upper", "se"),
    *("p_value", "p_mcse", "p_adjusted", "p_holm", "p_equivalent", "prob_better"),
    *("prob_rope", "expected_loss", "mde"),
    *("chance", "best_constant", "skill", "tie_rate", "expected_if_calibrated"),
    *COUNTS,
    *("interval", "test", "status"),
)

NUMBERS = tuple(name for name in COLUMNS if name not in (*TEXTS, *COUNTS))
