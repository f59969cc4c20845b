"""Posteriors of what scorers are worth: accuracy, ties, calibration, raters.

`fit` draws from a model's posterior and returns an xarray DataTree; `summarize` makes results of
it, with the same columns as those of `metaeval.evaluate` and `metaeval.compare`.

- `fitting`: `fit`: from a model and a table to a posterior that passed its gates.
- `summaries`: `summarize`: a quantity of a posterior as a result, with differences and what to
  make of them.
- `model_base`: `Model`: what `fit` asks of a model, and what its options have in common.
- `model_data`: What a model needs of a table, and what its draws are called.
- `design`: The design that all models share: tasks pooled, items or clusters as units.
- `provenance`: What a posterior says of itself: model, data, policy and provenance, as results
  have them.
- `datatree`: Posteriors as xarray trees, whichever ArviZ is installed; saving and loading them.
- `quantities`: Quantities that posteriors hold, and what each of them estimates.
- `result_rows`: Rows of a result from draws: scorers' own values, and differences of two.
- `log_probs`: Log likelihoods in JAX, written so that neither they nor their gradients overflow
  or cancel.
- `convergence_checks`: `diagnose`: whether a posterior passes its gates.
- `predictive_checks`: `posterior_predictive`: what a posterior expects, beside what was seen or at
  any margin.
- `model_comparison`: How much a posterior owes to its priors, and how models compare on units
  left out.
- `accuracy_model`: The model of accuracy: scorers by tasks, partially pooled.
- `margin_models`: Models of margins: ties by thresholds, and calibration curves.
- `rater_models`: Models of raters with latent truth: Dawid-Skene and ordinal ratings.
- `model_free`: Posteriors without a model of scorers: weighted items, paired counts, bounds.
- `hierarchy`: Two-way normal hierarchies that several models share.
- `sampling`: From a log density to draws: compiled NUTS, and convergence.
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
    """Load a public name when it is first used: numpyro alone takes a second."""
    if name not in _HOME:
        raise AttributeError(f"module 'metaeval.bayes' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"metaeval.bayes.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
