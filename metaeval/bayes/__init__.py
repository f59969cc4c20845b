"""Posteriors of what scorers are worth: accuracy, ties, calibration, raters.

`fit` draws from a model's posterior and returns an xarray DataTree; `summarise` makes results of
it, with the same columns as those of `metaeval.evaluate` and `metaeval.compare`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaeval.bayes.bounds import agreement_bounds, noise_corrected
    from metaeval.bayes.checking import check
    from metaeval.bayes.counts import prob_better
    from metaeval.bayes.fitting import fit
    from metaeval.bayes.margin_models import calibration, ties
    from metaeval.bayes.models import accuracy
    from metaeval.bayes.paired import bayesian_bootstrap
    from metaeval.bayes.posterior import load, save
    from metaeval.bayes.predicting import predictive
    from metaeval.bayes.rating_models import raters
    from metaeval.bayes.sensitivities import sensitivity, weigh
    from metaeval.bayes.summaries import summarise
    from metaeval.bayes.thresholds import tie_threshold

_HOME = {
    "accuracy": "models",
    "agreement_bounds": "bounds",
    "bayesian_bootstrap": "paired",
    "calibration": "margin_models",
    "check": "checking",
    "fit": "fitting",
    "load": "posterior",
    "noise_corrected": "bounds",
    "predictive": "predicting",
    "prob_better": "counts",
    "raters": "rating_models",
    "save": "posterior",
    "sensitivity": "sensitivities",
    "summarise": "summaries",
    "tie_threshold": "thresholds",
    "ties": "margin_models",
    "weigh": "sensitivities",
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
