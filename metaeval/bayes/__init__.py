"""Posteriors of what scorers are worth: accuracy, ties, calibration, raters.

`fit` draws from a model's posterior and returns an xarray DataTree; `summarise` makes results of
it, with the same columns as those of `metaeval.evaluate` and `metaeval.compare`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaeval.bayes.accuracy_model.model import accuracy
    from metaeval.bayes.convergence_checks import check
    from metaeval.bayes.datatree import load, save
    from metaeval.bayes.fitting import fit
    from metaeval.bayes.margin_models.best_threshold import tie_threshold
    from metaeval.bayes.margin_models.models import calibration, ties
    from metaeval.bayes.model_comparison import sensitivity, weigh
    from metaeval.bayes.model_free.bounds import agreement_bounds, noise_corrected
    from metaeval.bayes.model_free.paired_counts import prob_better
    from metaeval.bayes.model_free.weighted_items import bayesian_bootstrap
    from metaeval.bayes.predictive_checks import predictive
    from metaeval.bayes.rater_models.models import raters
    from metaeval.bayes.summaries import summarise

_HOME = {
    "accuracy": "accuracy_model.model",
    "agreement_bounds": "model_free.bounds",
    "bayesian_bootstrap": "model_free.weighted_items",
    "calibration": "margin_models.models",
    "check": "convergence_checks",
    "fit": "fitting",
    "load": "datatree",
    "noise_corrected": "model_free.bounds",
    "predictive": "predictive_checks",
    "prob_better": "model_free.paired_counts",
    "raters": "rater_models.models",
    "save": "datatree",
    "sensitivity": "model_comparison",
    "summarise": "summaries",
    "tie_threshold": "margin_models.best_threshold",
    "ties": "margin_models.models",
    "weigh": "model_comparison",
}

__all__ = [
    "accuracy",
    "agreement_bounds",
    "bayesian_bootstrap",
    "calibration",
    "check",
    "fit",
    "load",
    "noise_corrected",
    "predictive",
    "prob_better",
    "raters",
    "save",
    "sensitivity",
    "summarise",
    "tie_threshold",
    "ties",
    "weigh",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: numpyro alone takes a second."""
    if name not in _HOME:
        raise AttributeError(f"module 'metaeval.bayes' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"metaeval.bayes.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
