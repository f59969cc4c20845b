# %% [markdown]
# # Calibration and ties: what does a margin mean?
#
# A scorer gives two responses the scores 1.2 and 0.4. Does the **margin** of 0.8 mean that people
# prefer the first? With what probability, and at which margin would nine of ten people agree? Or
# is 0.8 so small that the pair is better called a tie?
#
# This notebook answers such questions for simulated scorers with known true values. Items,
# systems, scorers and labels are explained in the notebook `compare_scorers`. There are three
# scorers: a `judge` that gives 1 to 5 points, a `lexical` metric from 0 to 100, and a `reward`
# model, whose margins are supposed to be log odds: a margin d means that the first response is
# preferred with probability 1 / (1 + exp(-d)). A fourth is derived from the reward: `loud` has
# the same scores times three. It orders all pairs in the same way, but is three times as
# confident.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import metaeval as me
from metaeval import bayes, calibration

me.style("neurips")
plt.rcParams["figure.dpi"] = 110
pd.set_option("display.precision", 3, "display.max_columns", 20)

table, truth = me.simulate(seed=0, n_items=300, scorers=["judge", "lexical", "reward"])
table = table.with_scorer("loud", 3 * table.scores["reward"])
print(table)
print(f"Of the pairs of responses to one item, {truth.tie_rate:.0%} have tied labels.")

# %% [markdown]
# ## Are the margins calibrated?
#
# Accuracy does not distinguish `loud` from `reward`. The following four numbers do; `"log_odds"`
# means that scores are interpreted as log odds.
#
# - `cox_slope` is 1 if the log odds are calibrated, and below 1 if the scorer is overconfident.
#   That of `loud` is a third of that of `reward`, by construction.
# - `smooth_ece` measures how far forecasts would have to move to be calibrated. It is positive
#   even for a calibrated scorer; `expected_if_calibrated` is its expected value for such a
#   scorer.
# - `recalibration_gain` is the reduction of the Brier score by a recalibration that is fitted on
#   other items. It is the cost of miscalibration, about 0 if there is none.

# %%
forecasts = [
    me.statistics.pairwise_accuracy("half"),
    me.statistics.cox_slope("log_odds"),
    me.statistics.smooth_ece("log_odds"),
    me.statistics.recalibration_gain("log_odds"),
]
result = me.evaluate(table, forecasts, scorers=["reward", "loud"], n_resamples=500)
columns = ["estimate", "lower", "upper", "expected_if_calibrated"]
frame = result.frame.set_index(["statistic", "scorer"])[columns]
frame.loc[[statistic.name for statistic in forecasts]].round(3)

# %% [markdown]
# The reliability diagram shows the observed frequency of agreement (vertical) by forecast
# (horizontal), with two bands for two questions. The *consistency band* contains the curve if the
# forecasts are calibrated: `loud` leaves it, `reward` does so mainly at the right end, where even
# the largest margins do not have full agreement. The *confidence band* covers the true curve,
# simultaneously at all forecasts. It only assumes that the curve is increasing, and is therefore
# wide. Bars show the distribution of the forecasts: those of `loud` are nearly all close to 1.

# %%
ax = me.plots.reliability(table, ["reward", "loud"], forecast="log_odds", n_resamples=200)

# %% [markdown]
# ## Which margin is required for agreement?
#
# Points and metrics are not probabilities. Still, one may ask for the margin at which people
# prefer the response with the higher score in 70% or 90% of the pairs (excluding pairs with tied
# labels). `inf` means that this rate is not reached. Items are resampled for the interval; its
# upper bound is infinite if the rate may not be reached at any margin. `truth` is from the
# simulation: for the lexical metric no margin has 90% agreement, because too many of its largest
# margins are noise.

# %%
scorers = ["lexical", "reward"]
gaps = calibration.gap_to_agreement(table, [0.7, 0.9], scorers=scorers, n_resamples=200)
curve = truth.calibration.query("task == 'pooled' and first > second").set_index("scorer")
agree = curve["first"] / (curve["first"] + curve["second"])
records = []
for scorer in scorers:
    for level in (0.7, 0.9):
        row = gaps.row(scorer, statistic=f"gap(agreement={level})")
        true_gap = np.interp(level, agree[scorer], curve.loc[scorer, "margin"], right=np.inf)
        records.append(
            {"scorer": scorer, "agreement": level}
            | row[["estimate", "lower", "upper"]].to_dict()
            | {"truth": true_gap}
        )
me.plots.gap_to_agreement(table, scorers, agreement=0.9, n_resamples=200)
pd.DataFrame(records).round(2)

# %% [markdown]
# ## How should ties count?
#
# Many labels are tied. The judge often ties, the others never do, and how to count ties is a
# choice of the analyst:
#
# - `strict`: pairs with tied labels are excluded, and a scorer tie is wrong;
# - `half`: the same, but a scorer tie is half correct;
# - `acc-eq`: all pairs are included, and tied labels must be matched by a scorer tie. A
#   scorer that never ties is wrong on all of these;
# - `tie_calibrated_accuracy`: the same, but margins up to a threshold are ties. The threshold is
#   estimated for each scorer, so that continuous scores are not penalized.
#
# The order of the scorers depends on the policy. Bars are rank ranges from the tests. State the
# policy in your paper; the last one is the default for ratings.

# %%
scorers = ["judge", "lexical", "reward"]
policies = [me.statistics.pairwise_accuracy(ties) for ties in ("strict", "half", "acc-eq")]
policies.append(me.statistics.tie_calibrated_accuracy())
by_policy = me.evaluate(table, policies, scorers=scorers, n_resamples=200).frame
me.plots.tie_policies(table, scorers, statistics=policies, n_resamples=500)
by_policy.pivot(index="statistic", columns="scorer", values="estimate").drop("system_accuracy")

# %% [markdown]
# ## Which threshold, and what is its accuracy?
#
# The published method optimizes the threshold on the same pairs on which it is evaluated
# (`n_folds=None`), so that the value is biased upward. By default the threshold of each twentieth
# of the items is estimated on the others (*cross-fitting*), by a logistic regression. That is
# biased slightly downward, because an estimated threshold is not the best one. The difference is
# largest for weak scorers. `truth` is the accuracy at the best threshold in the limit of
# infinitely many items.

# %%
tuned = me.statistics.tie_calibrated_accuracy
cross_fitted = me.evaluate(table, tuned(), scorers=scorers, n_resamples=500)
in_sample = me.evaluate(table, tuned(n_folds=None), scorers=scorers, n_resamples=500)
pd.DataFrame(
    {
        scorer: {
            "in-sample": in_sample.row(scorer)["estimate"],
            "cross-fitted": cross_fitted.row(scorer)["estimate"],
            "lower": cross_fitted.row(scorer)["lower"],
            "upper": cross_fitted.row(scorer)["upper"],
            "truth": truth.tie_calibrated.loc[scorer, "pooled"],
        }
        for scorer in scorers
    }
).T

# %% [markdown]
# ## A posterior of the threshold
#
# The curve of accuracy by threshold is flat near its maximum, so that the best threshold is
# estimated imprecisely. A model uses all pairs instead of the maximum of a curve:
# `bayes.TieModel` describes win, tie and loss as functions of the margin. Its `epsilon` is the
# margin below which a tie is the most probable label. The first fit takes some seconds, mostly to
# compile the model; if the chains have not converged, an error is raised.
#
# The curve shows both. Its thick part are thresholds that do not differ significantly from the
# best.

# %%
tree = bayes.fit(bayes.TieModel(), table, scorers=["reward"], seed=1)
epsilon = bayes.summarize(tree, "epsilon").row("reward")
print("epsilon of reward: {estimate:.2f} [{lower:.2f}, {upper:.2f}]".format(**epsilon))
print(f"true value: {truth.epsilon.loc['reward', 'pooled']:.2f}")
ax = me.plots.tie_curve(table, "reward", tree=tree, points=16, n_resamples=200)

# %% [markdown]
# The interval does not contain the true value, and a predictive check shows why. `win_tie_loss`
# compares observed labels (points) with the predictions for as many new pairs (bands). At the
# largest margins, observed labels tie more often, and agree with the scorer less often, than
# predicted. The simulated scorer is noisier on difficult items, so that many of its largest
# margins are noise; the model has one slope for all items, and compensates with a threshold that
# is too high. More items would not help: the interval would become shorter around the same value.
# Check this figure before you report a posterior. The thick part of the curve above, from about 1
# to 2, makes no such assumption; it is less precise, and contains the true value.

# %%
ax = me.plots.win_tie_loss(tree)

# %% [markdown]
# ## A figure for the paper
#
# Every plot can be drawn on given axes, so that panels can be combined. In the style "acl" a
# figure has the width of one of two columns, and fonts that match Times. `save` writes PDF and
# PNG without a date, so that the same data give the same files.

# %%
with me.style("acl"), tempfile.TemporaryDirectory() as folder:
    width = plt.rcParams["figure.figsize"][0]
    figure, (top, bottom) = plt.subplots(2, figsize=(width, 1.5 * width), layout="constrained")
    me.plots.gap_to_agreement(table, "reward", agreement=0.9, n_resamples=200, ax=top)
    me.plots.tie_curve(table, "reward", tree=tree, points=16, n_resamples=200, ax=bottom)
    files = me.plots.save(figure, Path(folder, "reward"))
    print("saved:", ", ".join(file.name for file in files))

# %% [markdown]
# ## What to report
#
# - The tie policy, by name, and how the threshold was determined (cross-fitted or in-sample).
# - How scores were interpreted: as log odds, as probabilities, or as neither.
# - `smooth_ece` (and any other ECE) only with its `expected_if_calibrated`.
# - A gap with its interval and its unit: two points of this judge are not two points of another.
#
# `docs/calibration.md` and `docs/bayes.md` continue with real data.
