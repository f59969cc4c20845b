"""Quantities of the rater model."""

from __future__ import annotations

from dataclasses import replace

import xarray as xr

from metaeval.bayes.datatree import flat_draws
from metaeval.bayes.quantities import DerivedQuantity, coefficients
from metaeval.core import MetaevalError
from metaeval.statistics import Estimand

_AGREES = "the probability that {} agrees with the latent truth, for new items"
_SCORER = "{}; assumes that scorers and raters err independently given the truth"
_NO_BIAS = (
    "This posterior has no bias parameter; fit the model with covariates=, such as "
    "['length_delta'] for pairs, or ['length'] with form='ordinal'."
)
_OF_PAIRS = (
    "the increase in the log odds that a rater prefers the first response per root mean square of "
    "the difference in {}, given the truth; it is nonzero even for unbiased raters if the size of "
    "true differences is associated with the covariate"
)
_OF_RATINGS = (
    "the bias of a rater relative to the mean of the raters, in standard deviations of quality per "
    "standard deviation of {}; a bias shared by all raters is not identified"
)


def rater_accuracy(tree: xr.DataTree) -> DerivedQuantity:
    """Return the probability that the label of each rater is correct."""
    return _quantity(tree, "rater_accuracy", _AGREES.format("the label"), accuracy=True)


def accuracy(tree: xr.DataTree) -> DerivedQuantity:
    """Return the half-credit accuracy of each scorer on truly different responses."""
    target = "the probability that the truly better response has the higher score (ties count half)"
    return _quantity(tree, "accuracy", _SCORER.format(target), ties="half", accuracy=True)


def agreement(tree: xr.DataTree) -> DerivedQuantity:
    """Return the agreement of each scorer with the truth; equal scores predict a tie."""
    target = _AGREES.format("the decision of the scorer (a tie for equal scores)")
    return _quantity(tree, "agreement", _SCORER.format(target), ties="call", accuracy=True)


def severity(tree: xr.DataTree) -> DerivedQuantity:
    """Return the severity of each rater relative to the mean of the raters."""
    target = "the severity of a rater minus the mean severity, in standard deviations of quality"
    if "coefficient" in tree["posterior"]:
        target += ", at mean covariates"
    return _quantity(tree, "severity", target)


def discrimination(tree: xr.DataTree) -> DerivedQuantity:
    """Return the discrimination of each rater."""
    target = "the increase in the log odds of a higher rating per standard deviation of quality"
    return _quantity(tree, "discrimination", target)


def bias(tree: xr.DataTree, covariate: str | None = None) -> DerivedQuantity:
    """Return the excess bias of each rater toward a covariate, by default the first.

    For ratings it is relative to the mean of the raters; a shared bias is not identified.
    """
    name, draws = coefficients(tree, covariate, _NO_BIAS)
    target = _OF_RATINGS if "severity" in tree["posterior"] else _OF_PAIRS
    quantity = _quantity(tree, "coefficient", target.format(name))
    estimand = replace(
        quantity.estimand,
        name="bias" if covariate is None else f"bias(covariate={name})",
        status="approximate",
    )
    return replace(quantity, estimand=estimand, macro=draws)


def _quantity(
    tree: xr.DataTree, name: str, target: str, *, ties: str | None = None, accuracy: bool = False
) -> DerivedQuantity:
    """Return a variable of the posterior that is the same in all tasks."""
    dim = "scorer" if ties else "rater"
    if name not in tree["posterior"]:
        raise MetaevalError(f"This posterior has no {name}; {_remedy(name)}")
    has_covariates = "coefficient" in tree["posterior"]
    of_ratings = "severity" in tree["posterior"]
    exact = (
        float(tree["constant_data"]["design_effect"]) == 1 and dim == "rater" and not has_covariates
    )
    estimand = Estimand(
        name=name,
        rows="responses" if of_ratings else "pairs",
        grouping="none",
        average="responses" if of_ratings else "pairs",
        ties=ties,
        target=target,
        better="higher" if accuracy or name == "discrimination" else "neither",
        status="exact" if exact else "approximate",
        is_accuracy=accuracy,
    )
    return DerivedQuantity(
        estimand=estimand,
        names=[str(n) for n in tree["posterior"][dim].to_numpy()],
        macro=flat_draws(tree, name),
        tasks=None,
        new_task=None,
        dim=dim,
    )


def _remedy(name: str) -> str:
    """Return what to fit to get a quantity."""
    if name in ("severity", "discrimination"):
        return "fit the model with form='ordinal'."
    if name == "rater_accuracy":
        return (
            "models with form='ordinal' have severity and discrimination instead. Fit the "
            "model with form='dawid_skene'."
        )
    return "fit the model to a table with scorers, using form='dawid_skene'."


QUANTITIES = {
    "rater_accuracy": rater_accuracy,
    "accuracy": accuracy,
    "agreement": agreement,
    "severity": severity,
    "discrimination": discrimination,
    "bias": bias,
}
