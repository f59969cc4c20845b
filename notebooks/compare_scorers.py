# %% [markdown]
# # Which scorer is better, and how certain is that?
#
# You have outputs of some systems, labels from people, and one or more scorers: metrics, reward
# models, LLM judges. This notebook goes from such a table to sentences for a paper:
#
# 1. read scores and labels, and check what was read;
# 2. estimate how good each scorer is, with an interval, and test which scorers differ;
# 3. add a scorer of your own and test it against the current one;
# 4. plan the number of items of the next study.
#
# Four terms are used throughout. An **item** is one input (a source sentence, a prompt). A
# **system** responds to it, so that each item has several responses. A **scorer** assigns a
# number to each response; higher is better. A **label** is a judgment of the response by people
# (or the ground truth).
#
# The data are simulated, so that the true values are known and can be compared with every
# estimate: two tasks of 100 items, six systems, five scorers, and one human rating from 1 to 5
# per response. Items come in clusters of four, such as the sentences of one document.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import metaeval as me

me.style("neurips")  # widths and fonts of the figures
plt.rcParams["figure.dpi"] = 110
pd.set_option("display.precision", 3, "display.max_columns", 20)

table, truth = me.simulate(seed=0, n_items=100, tasks=("news", "chat"), cluster_size=4)
wide = table.rows.join(table.labels).join(table.scores)
wide[["task", "item", "cluster", "system", "human", "judge", "lexical", "reward"]].head(7)

# %% [markdown]
# ## Reading your own files
#
# A table is usually stored in two files: scores, with one row per response and one column per
# scorer, and labels. Here both are written first, as an example. Rows may be in any order: they
# are matched by their ids. Columns are found by their names (`item`, `system`, `task`, `cluster`,
# and many aliases); other names are declared by `me.read(..., columns={"item": "qid"})`. Other
# formats are listed in `docs/formats.md`.
#
# Check the report first. `missing` is the number of missing scores, `common rows` are those with
# scores of all scorers. `tied_pairs` is the proportion of pairs of responses to one item with
# equal values, which matters later: two fifths of the human ratings are tied, and a third of the
# judge's.

# %%
with tempfile.TemporaryDirectory() as folder:
    scores, labels = Path(folder, "scores.csv"), Path(folder, "human.csv")
    wide.drop(columns="human").sample(frac=1, random_state=1).to_csv(scores, index=False)
    wide[["task", "item", "system", "human"]].to_csv(labels, index=False)
    from_files = me.read(scores, label_source=labels)

print("\n".join(from_files.alignment.lines()))
print("the same table as before:", from_files.fingerprint == table.fingerprint)
from_files.alignment.scorers

# %% [markdown]
# ## How good is each scorer, and which differ?
#
# First, choose a statistic. Here it is pairwise accuracy with half credit: of two responses to
# one item of which people preferred one, how often does the scorer prefer the same one? Pairs
# with tied labels are excluded, and a scorer tie is half correct; random guessing has 50%.
# (By default, the kind of label determines the statistic. For ratings that is an accuracy that
# includes tied pairs, the subject of the notebook `calibration_and_ties`.)
#
# `evaluate` returns values and intervals; `compare` also returns all differences, with tests.
# Neither treats 1,200 rows as 1,200 independent observations: whole clusters are resampled,
# because responses to one item, and items of one document, are dependent.
#
# Two scorers share a letter if and only if they do not differ significantly. `rank` is the range
# of ranks that is consistent with the tests.

# %%
half = me.statistics.pairwise_accuracy("half")
reward = me.evaluate(table, half, scorers=["reward"], n_resamples=2_000).row("reward")
print("reward: {estimate:.3f} [{lower:.3f}, {upper:.3f}]".format(**reward))

result = me.compare(table, half, n_resamples=2_000)
result

# %% [markdown]
# The interval is about *these* scorers and systems, on *new* items like those in the table: in 95
# of 100 studies it should cover the accuracy in the limit of infinitely many items. In practice
# that accuracy is unknown. Here it is known, because the data are simulated. (`n_items` is 194,
# not 200: all pairs of six items have tied labels.)

# %%
leaderboard = result.leaderboard()[["scorer", "estimate", "lower", "upper"]].set_index("scorer")
leaderboard["truth"] = truth.half_credit["pooled"]
leaderboard["covered"] = leaderboard["truth"].between(leaderboard["lower"], leaderboard["upper"])
leaderboard["n_items"] = [result.row(scorer)["n_items"] for scorer in leaderboard.index]
leaderboard

# %% [markdown]
# ## Two figures
#
# The forest plot shows the same values. Their intervals do not show whether two scorers differ:
# both were evaluated on the same items, whose difficulty they share, so that a difference is
# estimated more precisely than either value. The matrix shows the tests: each cell is the
# adjusted p-value of the row compared with the column.

# %%
me.plots.forest(result)
ax = me.plots.significance_matrix(result)

# %% [markdown]
# ## Sentences for the paper
#
# `sentence` states one comparison in words. It never calls two scorers equal because a test is
# not significant, but states which differences the study would probably have missed.
#
# The third sentence needs an explanation. Its interval is above 0, and yet the difference is not
# significant: the interval is for this one difference, but the p-value is adjusted for all ten
# comparisons. Among ten differences, a large one arises by chance more easily.

# %%
for first, second in (("reward", "lexical"), ("reward", "reward_v2"), ("judge", "lexical")):
    print("-", result.sentence(first, second))
print("\nMethods.", result.methods_paragraph())

# %% [markdown]
# ## A scorer of your own
#
# A new scorer does not require a new file with all others. `with_scorer` takes a Series whose
# index identifies the response of each score, in any order. A response whose id is not found has
# a missing score, so check their number. Here the new scorer is the mean of two rewards with
# independent errors, which should be better than either.
#
# With `baseline=` only the comparisons with that scorer are made. This family is smaller than
# that of all pairs, so that the correction costs less power; choose the baseline before seeing
# results.

# %%
ids = ["task", "item", "system"]
new = wide.set_index(ids)[["reward", "reward_v2"]].mean(axis="columns")
extended = table.with_scorer("both", new.sample(frac=1, random_state=1))
print(extended)

tested = me.compare(extended, half, baseline="reward", n_resamples=2_000)
print(tested.sentence("both", "reward"))

validation, _ = me.simulate(seed=1, n_items=1_000, scorers=["reward", "reward_v2"])
validation = validation.with_scorer(
    "both", validation.scores[["reward", "reward_v2"]].mean(axis="columns")
)
validated = me.compare(validation, half, baseline="reward", n_resamples=1_000)
print(f"On 1,000 new items: {validated.row('both', 'reward')['estimate']:+.3f}")

# %% [markdown]
# ## May it replace the current scorer?
#
# `gate` returns "met", "not met" or "inconclusive", and an exit code for automatic checks. It
# compares the whole interval of the difference with a margin that is fixed in advance:
#
# - *superiority*: the gain is above the margin (here one point of accuracy);
# - *non-inferiority*: the loss is smaller than the margin (here three points), which is
#   sufficient if, for example, the new scorer is cheaper.
#
# "Inconclusive" does not mean that the scorer failed, but that there are too few items; the
# sentence states how many would be needed if the observed difference were the true one.

# %%
options = {"baseline": "reward", "n_resamples": 2_000}
better = me.gate(extended, half, new="both", superiority_margin=0.01, **options)
no_worse = me.gate(extended, half, new="reward_v2", non_inferiority_margin=0.03, **options)
for gate in (better, no_worse):
    print(f"{gate.outcome} (exit code {gate.code})\n  {gate.sentence()}")

# %% [markdown]
# ## How many items does the next study need?
#
# The table serves as a pilot. `mde` is the difference that it detects with 80% power,
# `items_needed` the number of items needed to detect a difference of two points. `design_effect`
# is the cost of clusters: dependent items carry the information of fewer independent ones.
# Scorers with similar errors need fewer items, because common errors cancel in the difference.
#
# The formula can be checked by simulation, where `n_units` is the number of resampling units:
# clusters here, not items.

# %%
plan = me.sample_size(extended, half, difference=0.02, baseline="reward").set_index("scorer")
clusters = int(plan.loc["both", "clusters_needed"])
power = me.power_by_simulation(
    extended,
    half,
    scorer="both",
    baseline="reward",
    difference=0.02,
    n_units=clusters,
    n_simulations=500,
)
print(f"both against reward, {clusters} clusters: {power}")
plan[["se", "mde", "design_effect", "items_needed", "clusters_needed"]]

# %% [markdown]
# ## Into the paper, and back again
#
# `to_latex` writes the leaderboard (it needs the package booktabs only); the best scorer and all
# that do not differ significantly from it are bold. `to_markdown`, `to_html` and `to_json` write
# other formats, and `me.report(table, "folder")` a whole page with figures.
#
# Each includes the **signature**: statistic, resampling unit, test, correction, seed, and a
# fingerprint of the data. With the same data it gives the same numbers, to the last digit,
# regardless of the order of rows. The table read from shuffled files above is an example.

# %%
print(result.to_latex(), end="\n\n")
repeated = me.compare(from_files, half, n_resamples=2_000)
print("same signature:", repeated.signature == result.signature)
print("same numbers:", repeated.frame.equals(result.frame))
