"""metaeval judges the scorers of language-model outputs: metrics, reward models, LLM judges.

From precomputed score files and human (or ground-truth) labels it says how good each scorer is
and whether two differ, with intervals and tests that respect items and clusters.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaeval import bayes, calibration, plots, statistics
    from metaeval.datasets import load_example, simulate
    from metaeval.errors import MetaevalError
    from metaeval.gating import Gate, gate
    from metaeval.inference import compare, evaluate
    from metaeval.naming import statistic_maker
    from metaeval.planning import required_items, simulated_power
    from metaeval.plots.theme import style
    from metaeval.readers import read, read_candidates, read_mtme, read_preferences, read_scores
    from metaeval.reporting import report
    from metaeval.result import Result
    from metaeval.statistics.base import Statistic
    from metaeval.tables import Pairs, Responses
    from metaeval.validity import size_check

_HOME = {
    "Gate": "gating",
    "MetaevalError": "errors",
    "Pairs": "tables",
    "Responses": "tables",
    "Result": "result",
    "Statistic": "statistics.base",
    "compare": "inference",
    "evaluate": "inference",
    "gate": "gating",
    "load_example": "datasets",
    "read": "readers",
    "read_candidates": "readers",
    "read_mtme": "readers",
    "read_preferences": "readers",
    "read_scores": "readers",
    "report": "reporting",
    "required_items": "planning",
    "simulate": "datasets",
    "simulated_power": "planning",
    "size_check": "validity",
    "statistic_maker": "naming",
    "style": "plots.theme",
}

__version__ = "0.1.0"

__all__ = [
    "Gate",
    "MetaevalError",
    "Pairs",
    "Responses",
    "Result",
    "Statistic",
    "bayes",
    "calibration",
    "compare",
    "evaluate",
    "gate",
    "load_example",
    "plots",
    "read",
    "read_candidates",
    "read_mtme",
    "read_preferences",
    "read_scores",
    "report",
    "required_items",
    "simulate",
    "simulated_power",
    "size_check",
    "statistic_maker",
    "statistics",
    "style",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that importing the package is quick."""
    if name in _HOME:
        value = getattr(importlib.import_module(f"metaeval.{_HOME[name]}"), name)
    elif name in ("bayes", "calibration", "plots", "statistics"):
        value = importlib.import_module(f"metaeval.{name}")
    else:
        raise AttributeError(f"module 'metaeval' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
