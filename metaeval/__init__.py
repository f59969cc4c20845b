"""metaeval judges the scorers of language-model outputs: metrics, reward models, LLM judges.

From precomputed score files and human (or ground-truth) labels it says how good each scorer is
and whether two differ, with intervals and tests that respect items and clusters.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from metaeval.version import __version__ as __version__  # a public name of this module

if TYPE_CHECKING:
    from metaeval import bayes, calibration, plots, statistics
    from metaeval.core import MetaevalError
    from metaeval.inference import compare, evaluate
    from metaeval.planning import (
        Gate,
        coverage_by_simulation,
        gate,
        power_by_simulation,
        sample_size,
        type_i_error_rate,
    )
    from metaeval.plots.theme import style
    from metaeval.readers import read, read_best_of_n, read_mtme, read_preferences, read_scores
    from metaeval.reporting import report
    from metaeval.results import Result
    from metaeval.simulation import load_example, simulate
    from metaeval.statistics import Statistic, statistic_maker
    from metaeval.tables import Pairs, Responses

_HOME = {
    "Gate": "planning",
    "MetaevalError": "core",
    "Pairs": "tables",
    "Responses": "tables",
    "Result": "results",
    "Statistic": "statistics",
    "compare": "inference",
    "coverage_by_simulation": "planning",
    "evaluate": "inference",
    "gate": "planning",
    "load_example": "simulation",
    "read": "readers",
    "read_best_of_n": "readers",
    "read_mtme": "readers",
    "read_preferences": "readers",
    "read_scores": "readers",
    "report": "reporting",
    "sample_size": "planning",
    "simulate": "simulation",
    "power_by_simulation": "planning",
    "type_i_error_rate": "planning",
    "statistic_maker": "statistics",
    "style": "plots.theme",
}

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
    "coverage_by_simulation",
    "evaluate",
    "gate",
    "load_example",
    "plots",
    "power_by_simulation",
    "read",
    "read_best_of_n",
    "read_mtme",
    "read_preferences",
    "read_scores",
    "report",
    "sample_size",
    "simulate",
    "statistic_maker",
    "statistics",
    "style",
    "type_i_error_rate",
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
