"""Bayesian models of scorers and raters: accuracy, ties, calibration, latent truth.

`fit` draws from the posterior of a model and returns an xarray DataTree; `summarize` turns it into
a result with the columns of `metaeval.evaluate` and `metaeval.compare`.

- `fitting`: `fit`: from a model and a table to a posterior that passed convergence diagnostics.
- `summaries`: `summarize`: one quantity of a posterior as a result, with pairwise differences.
- `model_interface`: `Model`: the interface that `fit` requires of a model, its data, and the names
  of its draws.
- `design`: The design shared by all models: tasks pooled, items or clusters as units.
- `provenance`: Attributes of a posterior: model, data, policy and provenance, as in results.
- `datatree`: Posteriors as xarray trees for the installed ArviZ; saving and loading them.
- `quantities`: Quantities derived from posteriors, and their estimands.
- `result_rows`: Rows of a result computed from draws: values of scorers and their differences.
- `log_probs`: Log likelihoods in JAX, free of overflow and cancellation, gradients included.
- `convergence_checks`: `diagnose`: convergence diagnostics of a posterior.
- `predictive_checks`: `posterior_predictive`: posterior predictive checks, and outcome
  probabilities at given margins.
- `model_comparison`: Prior sensitivity, and leave-one-out comparison of models.
- `accuracy_model`: The model of accuracy: scorers by tasks, partially pooled.
- `margin_models`: Models of margins: ties by thresholds, and calibration curves.
- `rater_models`: Models of raters with latent truth: Dawid-Skene and ordinal ratings.
- `model_free`: Posteriors without a model of scorers: weighted items, paired counts, bounds.
- `hierarchy`: Two-way normal hierarchies shared by several models.
- `sampling`: From a log density to draws: compiled NUTS, and convergence statistics.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaeval.bayes.accuracy_model.model import AccuracyModel
    from metaeval.bayes.convergence_checks import diagnose
    from metaeval.bayes.datatree import load, save
    from metaeval.bayes.fitting import fit
    from metaeval.bayes.margin_models.best_threshold import tie_threshold
    from metaeval.bayes.margin_models.models import CalibrationModel, TieModel
    from metaeval.bayes.model_comparison import compare_models, prior_sensitivity
    from metaeval.bayes.model_free.bounds import agreement_bounds, correct_for_label_noise
    from metaeval.bayes.model_free.paired_counts import prob_better
    from metaeval.bayes.model_free.weighted_items import bayesian_bootstrap
    from metaeval.bayes.predictive_checks import posterior_predictive
    from metaeval.bayes.rater_models.model import RaterModel
    from metaeval.bayes.summaries import summarize

_HOME = {
    "AccuracyModel": "accuracy_model.model",
    "CalibrationModel": "margin_models.models",
    "RaterModel": "rater_models.model",
    "TieModel": "margin_models.models",
    "agreement_bounds": "model_free.bounds",
    "bayesian_bootstrap": "model_free.weighted_items",
    "compare_models": "model_comparison",
    "correct_for_label_noise": "model_free.bounds",
    "diagnose": "convergence_checks",
    "fit": "fitting",
    "load": "datatree",
    "posterior_predictive": "predictive_checks",
    "prior_sensitivity": "model_comparison",
    "prob_better": "model_free.paired_counts",
    "save": "datatree",
    "summarize": "summaries",
    "tie_threshold": "margin_models.best_threshold",
}

__all__ = [
    "AccuracyModel",
    "CalibrationModel",
    "RaterModel",
    "TieModel",
    "agreement_bounds",
    "bayesian_bootstrap",
    "compare_models",
    "correct_for_label_noise",
    "diagnose",
    "fit",
    "load",
    "posterior_predictive",
    "prior_sensitivity",
    "prob_better",
    "save",
    "summarize",
    "tie_threshold",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: importing numpyro alone takes a second."""
    if name not in _HOME:
        raise AttributeError(f"module 'metaeval.bayes' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"metaeval.bayes.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
