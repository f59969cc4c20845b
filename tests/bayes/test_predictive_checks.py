"""Shares of outcomes by margin, from the rates that a posterior keeps."""

import numpy as np
import pytest

from metaeval import bayes
from metaeval.bayes.predictive_checks import curves_at, outcome_rates


@pytest.mark.parametrize("model", ["ties", "calibration"])
def test_shares_add_up_to_one_and_stay_inside_their_bands_mostly(trees, model):
    frame = outcome_rates(trees[model], 0.95)
    whole = frame.groupby(["scorer", "task", "group"])[["observed", "predicted"]].sum()
    assert np.allclose(whole, 1)
    assert (frame["lower"] <= frame["upper"]).all()
    inside = frame["observed"].between(frame["lower"] - 1e-9, frame["upper"] + 1e-9)
    assert inside[frame["scorer"] == "good"].mean() > 0.8


def test_shares_are_the_rates_that_the_check_shows(trees):
    shares = outcome_rates(trees["ties"], 0.9).set_index(["scorer", "task", "group"])
    check = bayes.posterior_predictive(trees["ties"], confidence=0.9)
    ties = check[check["quantity"] == "tie_rate"].set_index(["scorer", "task", "group"])
    tied = shares[shares["outcome"] == "tie"].loc[ties.index]
    for column in ("observed", "predicted", "lower", "upper"):
        assert np.allclose(tied[column], ties[column])
    agreed = check[check["quantity"] == "agreement"].set_index(["scorer", "task", "group"])
    win = shares[shares["outcome"] == "win"]["observed"].loc[agreed.index]
    loss = shares[shares["outcome"] == "loss"]["observed"].loc[agreed.index]
    assert np.allclose(win / (win + loss), agreed["observed"])


def test_where_all_are_tied_nothing_is_won_or_lost(trees):
    frame = outcome_rates(trees["ties"], 0.95).pivot(
        index=["scorer", "task", "group"], columns="outcome", values="observed"
    )
    some = frame[frame["tie"] == 1]
    assert len(some)
    assert (some[["win", "loss"]] == 0).all(axis=None)


def test_curves_at_margins_of_each_scorer_are_those_of_predictive(trees):
    tree = trees["calibration"]
    size = tree["posterior"].sizes
    at = np.arange(size["scorer"] * size["task"] * 2, dtype=float)
    at = at.reshape(size["scorer"], size["task"], 2)
    own = curves_at(tree, at, 0.95).set_index(["scorer", "task", "margin", "outcome"])
    all_of_them = bayes.posterior_predictive(tree, at.ravel())
    same = all_of_them.set_index(["scorer", "task", "margin", "outcome"]).loc[own.index]
    assert np.allclose(own, same)
