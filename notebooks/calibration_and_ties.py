# %% [markdown]
# # What is a margin worth, and when is it a tie?
#
# A scorer gives two responses 1.2 and 0.4. Does the **margin** of 0.8 mean that people prefer the
# first? How sure is that, and how large would the margin have to be for nine of ten people to
# agree? Or is 0.8 so little that "no difference" is the better answer?
#
# This notebook answers such questions for simulated scorers, whose truth is known. Items,
# systems, scorers and labels are explained in the notebook `compare_scorers`. There are three
# scorers: a `judge` who gives 1 to 5 points, a `lexical` metric from 0 to 100, and a `reward`
# model, whose margins claim to be log odds: a margin d says that the first response is preferred
# with probability 1 / (1 + exp(-d)). A fourth is made from the reward: `loud` has the same scores
# times three. It puts every pair in the same order, and is three times as sure of it.

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
print(f"Of the pairs of responses to one item, people leave {truth.tie_rate:.0%} tied.")

# %% [markdown]
# ## Does a margin say how sure it is?
#
# Accuracy cannot tell `loud` from `reward`. Four numbers side by side can; `"log_odds"` says
# that scores are to be taken at their word, as log odds.
#
# - `cox_slope` is 1 where the log odds are right, and below 1 where the scorer is too sure of
#   itself. That of `loud` is a third of that of `reward`, as it was made.
# - `smooth_ece` is how far forecasts would have to move to be calibrated. Chance makes it larger
#   than 0 even for a perfect scorer; `expected_if_calibrated` is the value that such a scorer
#   would have.
# - `recalibration_gain` is what a correction, learned on other items, takes off the squared
#   error of the forecasts. It is the price of miscalibration; about 0 where there is none.

# %%
forecasts = [
    me.statistics.pairwise_accuracy("half"),
    me.statistics.cox_slope("log_odds"),
    me.statistics.smooth_ece("log_odds"),
    me.statistics.recalibration_gain("log_odds"),
]
result = me.evaluate(table, forecasts, scorers=["reward", "loud"], n_resamples=500)
columns = ["estimate", "lower", "upper", "expected_if_calibrated"]
shown = result.frame.set_index(["statistic", "scorer"])[columns]
shown.loc[[statistic.name for statistic in forecasts]].round(3)

# %% [markdown]
# The reliability diagram has the forecasts from left to right, and from bottom to top how often
# people agreed. There are two bands, for two questions. The *consistency band* is where the curve
# would lie if the forecasts were right: `loud` leaves it, `reward` does so mainly at the right
# end, where even the largest margins do not make all people agree. The *confidence band* is where
# the true curve may lie, everywhere at once. It assumes no more than that the curve rises, and so
# is wide. Bars show where the forecasts are: those of `loud` are nearly all close to 1.

# %%
ax = me.plots.reliability(table, ["reward", "loud"], forecast="log_odds", n_resamples=200)

# %% [markdown]
# ## How large must a gap be for people to agree?
#
# Points and metrics claim no probability. Still one may ask which gap between two scores it takes
# for people to side with the higher one in 70 or 90 % of the pairs (pairs that people left tied
# do not count). `inf` means never. The interval comes from resampled items; its upper end is
# infinite where it may be that no gap is enough. `truth` is read from the simulation: for the
# lexical metric no gap is enough for 90 %, because too many of its largest gaps are noise.

# %%
scorers = ["lexical", "reward"]
gaps = calibration.gap_to_agreement(table, [0.7, 0.9], scorers=scorers, n_resamples=200)
curve = truth.calibration.query("task == 'pooled' and first > second").set_index("scorer")
agree = curve["first"] / (curve["first"] + curve["second"])
records = []
for scorer in scorers:
    for level in (0.7, 0.9):
        row = gaps.row(scorer, statistic=f"gap(agreement={level})")
        known = np.interp(level, agree[scorer], curve.loc[scorer, "margin"], right=np.inf)
        records.append(
            {"scorer": scorer, "agreement": level}
            | row[["estimate", "lower", "upper"]].to_dict()
            | {"truth": known}
        )
me.plots.gap_to_agreement(table, scorers, agreement=0.9, n_resamples=200)
pd.DataFrame(records).round(2)

# %% [markdown]
# ## What does a tie count?
#
# Many labels are tied. The judge ties often, the others never, and what that is worth is a
# decision, not a fact:
#
# - `strict`: pairs with tied labels are left out, and a tie of the scorer is wrong;
# - `half`: the same, but a tie of the scorer is half right;
# - `acc-eq`: all pairs count, and a tie of the labels must be met by a tie of the scorer. A
#   scorer that never ties gets all of these wrong;
# - `tie_calibrated_accuracy`: the same, but margins up to a threshold are called ties. The
#   threshold is chosen for each scorer, so that a scorer need not lose for having fine scores.
#
# The order of the scorers depends on it. Bars are the ranks that the tests leave open. Name the
# policy in your paper; the last one is what metaeval takes for ratings if nothing is named.

# %%
three = ["judge", "lexical", "reward"]
policies = [me.statistics.pairwise_accuracy(ties) for ties in ("strict", "half", "acc-eq")]
policies.append(me.statistics.tie_calibrated_accuracy())
by_policy = me.evaluate(table, policies, scorers=three, n_resamples=200).frame
me.plots.tie_policies(table, three, statistics=policies, n_resamples=500)
by_policy.pivot(index="statistic", columns="scorer", values="estimate").drop("system_accuracy")

# %% [markdown]
# ## Which threshold, and how much is that accuracy worth?
#
# The published way chooses the threshold on the very pairs that it is then scored on
# (`n_folds=None`), which flatters: on average the value is too high. By default the threshold of
# each fifth of the items is chosen on the other four fifths: *cross-fitted*. That is a little too
# low on average, because thresholds come from fewer items. The two differ most where a scorer
# knows little. `truth` is the accuracy at the best threshold on endlessly many items.

# %%
tuned = me.statistics.tie_calibrated_accuracy
fitted = me.evaluate(table, tuned(n_folds=5), scorers=three, n_resamples=500)
flattering = me.evaluate(table, tuned(n_folds=None), scorers=three, n_resamples=500)
pd.DataFrame(
    {
        scorer: {
            "in-sample": flattering.row(scorer)["estimate"],
            "cross-fitted": fitted.row(scorer)["estimate"],
            "lower": fitted.row(scorer)["lower"],
            "upper": fitted.row(scorer)["upper"],
            "truth": truth.tie_calibrated.loc[scorer, "pooled"],
        }
        for scorer in three
    }
).T

# %% [markdown]
# ## A posterior of the threshold
#
# The curve of accuracy by threshold is flat at its top, so the best threshold is known badly. A
# model uses all pairs instead of the best point of a curve: `bayes.TieModel` describes how win, tie
# and loss depend on the margin. Its `epsilon` is the margin below which a tie is the most
# probable label. The first fit takes some seconds, most of them to compile the model; the draws
# are checked, and a posterior whose chains did not converge is refused.
#
# The curve shows both. Its thick part are thresholds that the data do not tell from the best.

# %%
tree = bayes.fit(bayes.TieModel(), table, scorers=["reward"], seed=1)
epsilon = bayes.summarize(tree, "epsilon").row("reward")
print("epsilon of reward: {estimate:.2f} [{lower:.2f}, {upper:.2f}]".format(**epsilon))
print(f"in truth: {truth.epsilon.loc['reward', 'pooled']:.2f}")
ax = me.plots.tie_curve(table, "reward", tree=tree, points=16, n_resamples=200)

# %% [markdown]
# The interval does not hold the truth, and the reason can be seen. `win_tie_loss` puts what
# people said (points) on what the model expects of as many new pairs (bands). At the largest
# margins people tie more often, and side with the scorer less often, than the model can make
# them. The simulated scorer is noisier on hard items, so that many of its largest margins are
# noise; the model has one slope for all items, and makes up for it with a threshold that is too
# high. More items would not help: the interval would become shorter around the same value. Look
# at this picture before you report a posterior. The thick part of the curve above, from about 1
# to 2, has no model behind it, says less, and holds the truth.

# %%
ax = me.plots.win_tie_loss(tree)

# %% [markdown]
# ## A figure for the paper
#
# Every plot draws on axes that are handed to it, so that panels can be put together. In the style
# "acl" a figure has the width of one of two columns and fonts that go with Times. `save` writes
# PDF and PNG without a date, so that the same data give the same files.

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
# - The tie policy, by name, and how the threshold was chosen (cross-fitted or in-sample).
# - What scores were taken for: log odds, probabilities, or nothing of the kind.
# - `smooth_ece` (and any other ECE) only beside its `expected_if_calibrated`.
# - A gap with its interval and its unit: two points of this judge are not two points of another.
#
# `docs/calibration.md` and `docs/bayes.md` go on from here, on real data.
