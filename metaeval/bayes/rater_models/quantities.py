"""Quantities of the model of raters."""

from __future__ import annotations

from dataclasses import replace

import xarray as xr

from metaeval.bayes.datatree import flat_draws
from metaeval.bayes.quantities import DerivedQuantity, coefficients
from metaeval.core import MetaevalError

_AGREES = "how often {} the truth behind the raters' labels, in new items"
_SCORER = (
    "{}; from probabilities of the truth given the labels, if given the truth scorers err "
    "independently of raters"
)
_NO_BIAS = (
    "This posterior has no bias: fit again with covariates=, such as ['length_delta'] of pairs, or "
    "['length'] with form='ordinal'."
)
_OF_PAIRS = (
    "by how much the logit of a rater's choice of the first over the second response rises with "
    "one root mean square more {}, whichever is truly better, if no better is better by more: "
    "where longer is better by more, say, raters without bias show some"
)
_OF_RATINGS = (
    "by how many standard deviations of quality a rater rates responses higher than the raters do "
    "on average, for one standard deviation more {}; what all raters give for it in common cannot "
    "be separated from the truth"
)


def rater_accuracy(tree: xr.DataTree) -> DerivedQuantity:
    """How often the label of each rater is the truth."""
    return _quantity(tree, "rater_accuracy", _AGREES.format("the label is"), accuracy=True)


def accuracy(tree: xr.DataTree) -> DerivedQuantity:
    """Half-credit accuracy of each scorer where the responses truly differ."""
    target = "how often the better response has the higher score where one is better, ties half"
    return _quantity(tree, "accuracy", _SCORER.format(target), ties="half", accuracy=True)


def agreement(tree: xr.DataTree) -> DerivedQuantity:
    """How often the call of each scorer (a margin of 0 calls a tie) is the truth."""
    target = _AGREES.format("the call (equal scores call a tie) is")
    return _quantity(tree, "agreement", _SCORER.format(target), ties="call", accuracy=True)


def severity(tree: xr.DataTree) -> DerivedQuantity:
    """How much lower than the others each rater rates."""
    target = "by how many standard deviations of quality a rater is more severe than their mean"
    if "coefficient" in tree["posterior"]:
        target += ", where covariates are at their means"
    return _quantity(tree, "severity", target)


def discrimination(tree: xr.DataTree) -> DerivedQuantity:
    """How sharply each rater tells qualities apart."""
    target = "change of the logit of a rating above a level with one standard deviation of quality"
    return _quantity(tree, "discrimination", target)


def bias(tree: xr.DataTree, covariate: str | None = None) -> DerivedQuantity:
    """Excess bias of each rater towards responses with more of a covariate, the first if not said.

    Of ratings it is relative to the other raters: what all share cannot be told from truth.
    """
    name, draws = coefficients(tree, covariate, _NO_BIAS)
    target = _OF_RATINGS if "severity" in tree["posterior"] else _OF_PAIRS
    return replace(
        _quantity(tree, "coefficient", target.format(name)),
        statistic="bias" if covariate is None else f"bias(covariate={name})",
        macro=draws,
        status="approximate",
    )


def _quantity(
    tree: xr.DataTree, name: str, target: str, *, ties: str | None = None, accuracy: bool = False
) -> DerivedQuantity:

    dim = "scorer" if ties else "rater"
    if name not in tree["posterior"]:
        raise MetaevalError(f"This posterior has no {name}: {_remedy(name)}")
    has_covariates = "coefficient" in tree["posterior"]  # within which rows count as equal
    of_ratings = "severity" in tree["posterior"]
    exact = (
        float(tree["constant_data"]["design_effect"]) == 1 and dim == "rater" and not has_covariates
    )
    return DerivedQuantity(
        statistic=name,
        names=[str(n) for n in tree["posterior"][dim].to_numpy()],
        macro=flat_draws(tree, name),
        tasks=None,
        new_task=None,
        estimand={"grouping": "none", "average": "responses" if of_ratings else "pairs"}
        | ({"ties": ties} if ties else {})
        | {"target": target},
        better="higher" if accuracy or name == "discrimination" else "neither",
        status="exact" if exact else "approximate",
        is_accuracy=accuracy,
        dim=dim,
    )


def _remedy(name: str) -> str:
    if name in ("severity", "discrimination"):
        return "fit again with form='ordinal'."
    if name == "rater_accuracy":
        return "form='ordinal' has severity and discrimination; fit with form='dawid_skene'."
    return (
        "the table had no scorers, or the form is ordinal; fit a table with scores beside labels."
    )


QUANTITIES = {
    "rater_accuracy": rater_accuracy,
    "accuracy": accuracy,
    "agreement": agreement,
    "severity": severity,
    "discrimination": discrimination,
    "bias": bias,
}
