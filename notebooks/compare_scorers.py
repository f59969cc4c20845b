# %% [markdown]
# # Which scorer is better, and how sure is that?
#
# You have outputs of some systems, labels from people, and one or more scorers: metrics, reward
# models, LLM judges. This notebook goes from such a table to a sentence that can stand in a
# paper:
#
# 1. read scores and labels, and check what was read;
# 2. say how good each scorer is, with an interval, and which of them differ;
# 3. add a scorer of your own and test it against the one you use now;
# 4. plan how many items the next study needs.
#
# Four words are used throughout. An **item** is one input (a source sentence, a prompt). A
# **system** answers it, so each item has several responses. A **scorer** gives each response a
# number; higher is better. A **label** is what people (or the ground truth) said of the response.
#
# The data are simulated, so that the truth is known and can be put beside every estimate. Two
# tasks of 100 items, six systems, five scorers, and one human rating from 1 to 5 per response.
# Items come in clusters of four, such as the sentences of one document.

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
# A table is most often in two files: scores, one row per response and one column per scorer, and
# labels. Here both are written first, to have something to read. Rows may be in any order: they
# are put side by side by their ids. Columns are found by their names (`item`, `system`, `task`,
# `cluster`, and many aliases); `me.read(..., columns={"item": "qid"})` says so where yours are
# called something else. Other formats are listed in `docs/formats.md`.
#
# Look at the report before anything else. `holes` are missing scores, `common_rows` are those
# that all scorers have. `tied_pairs` is the share of pairs of responses to one item with equal
# values, and says a lot: two fifths of the human ratings are equal, and a third of the judge's.

# %%
with tempfile.TemporaryDirectory() as folder:
    scores, labels = Path(folder, "scores.csv"), Path(folder, "human.csv")
    wide.drop(columns="human").sample(frac=1, random_state=1).to_csv(scores, index=False)
    wide[["task", "item", "system", "human"]].to_csv(labels, index=False)
    own = me.read(scores, label_source=labels)

print("\n".join(own.alignment.lines()))
print("the same table as before:", own.fingerprint == table.fingerprint)
own.alignment.scorers

# %% [markdown]
# ## How good is each scorer, and which differ?
#
# First a statistic is chosen. Here it is pairwise accuracy with half credit: of two responses to
# one item of which people preferred one, how often does the scorer prefer the same one? Pairs
# that people left tied do not count, and a tie of the scorer is half right; 50 % is a coin.
# (Without a statistic the kind of label chooses one. For ratings that is an accuracy which counts
# ties, the topic of the notebook `calibration_and_ties`.)
#
# `evaluate` gives values and intervals; `compare` gives those and all differences, with tests.
# Neither takes 1 200 rows for 1 200 independent facts: whole clusters are resampled, because
# responses to one item, and items of one document, go together.
#
# Two scorers share a letter exactly if the tests did not separate them. `rank` is the range of
# ranks that the tests leave open.

# %%
half = me.statistics.pairwise_accuracy("half")
alone = me.evaluate(table, half, scorers=["reward"], n_resamples=2_000).row("reward")
print("reward: {estimate:.3f} [{lower:.3f}, {upper:.3f}]".format(**alone))

result = me.compare(table, half, n_resamples=2_000)
result

# %% [markdown]
# The interval is about *these* scorers and systems, on *new* items like those in the table: it
# should hold the accuracy on endlessly many items in 95 of 100 studies. Usually nobody knows that
# accuracy. Here it is known, because the data are simulated. (`n_items` is 194, not 200: people
# left all pairs of six items tied.)

# %%
leaderboard = result.leaderboard()[["scorer", "estimate", "lower", "upper"]].set_index("scorer")
leaderboard["truth"] = truth.half_credit["pooled"]
leaderboard["inside"] = leaderboard["truth"].between(leaderboard["lower"], leaderboard["upper"])
leaderboard["n_items"] = [result.row(scorer)["n_items"] for scorer in leaderboard.index]
leaderboard

# %% [markdown]
# ## Two pictures
#
# The forest plot shows the same values. Whether two scorers differ cannot be read off their
# intervals: they were tested on the same items, where both find the same responses hard, so that
# a difference is known better than either value. The matrix shows the tests, each cell the
# adjusted p-value of its row against its column.

# %%
me.plots.forest(result)
ax = me.plots.significance_matrix(result)

# %% [markdown]
# ## Sentences for the paper
#
# `sentence` puts one comparison into words, and never calls two scorers equal because a test did
# not separate them. It says instead which differences such a study would have missed.
#
# The third sentence needs a second look. Its interval lies above 0, and yet the two are not
# separated: the interval is that of this one difference, the p-value is adjusted for all ten
# comparisons. Who looks at ten differences finds one of them large by chance more easily.

# %%
for first, second in (("reward", "lexical"), ("reward", "reward_v2"), ("judge", "lexical")):
    print("-", result.sentence(first, second))
print("\nMethods.", result.methods_paragraph())

# %% [markdown]
# ## A scorer of your own
#
# A new scorer needs no new file of everything. `with_scorer` takes a Series whose index says
# which response each score belongs to, in any order. A response whose id is not found has no
# score then, so look at the number of holes. Here the new scorer is the mean of two rewards that
# err independently of each other, so it should be better than either.
#
# With `baseline=` only the comparisons with that scorer are made. That is a smaller family than
# all pairs, which costs less; it should be chosen before the results are seen.

# %%
ids = ["task", "item", "system"]
new = wide.set_index(ids)[["reward", "reward_v2"]].mean(axis="columns")
extended = table.with_scorer("both", new.sample(frac=1, random_state=1))
print(extended)

tested = me.compare(extended, half, baseline="reward", n_resamples=2_000)
print(tested.sentence("both", "reward"))

more, _ = me.simulate(seed=1, n_items=1_000, scorers=["reward", "reward_v2"])
more = more.with_scorer("both", more.scores[["reward", "reward_v2"]].mean(axis="columns"))
checked = me.compare(more, half, baseline="reward", n_resamples=1_000)
print(f"On 1 000 new items: {checked.row('both', 'reward')['estimate']:+.3f}")

# %% [markdown]
# ## May it replace the old one?
#
# `gate` answers with "met", "not met" or "inconclusive", and with an exit code for automatic
# checks. It holds the whole interval of the gain against a margin that was fixed beforehand:
#
# - *superiority*: the gain is above the margin (here one point of accuracy);
# - *non-inferiority*: the loss is smaller than the margin (here three points), which is enough
#   where the new scorer is cheaper.
#
# "Inconclusive" is no failure of the scorer. It says that the items are too few for the question,
# and how many it would take if the difference that was seen were the true one.

# %%
options = {"baseline": "reward", "n_resamples": 2_000}
better = me.gate(extended, half, new="both", margin=0.01, **options)
no_worse = me.gate(extended, half, new="reward_v2", margin=0.03, non_inferior=True, **options)
for gate in (better, no_worse):
    print(f"{gate.outcome} (exit code {gate.code})\n  {gate.sentence()}")

# %% [markdown]
# ## How many items does the next study need?
#
# The table is taken for a pilot. `mde` is the difference that it finds with 80% power,
# `items_needed` how many items it takes for a difference of two points. `design_effect` is the
# price of clusters: items of one document are worth fewer independent ones. Scorers that err
# alike need fewer items, because what they share cancels in the difference.
#
# The formula can be checked by simulation. There `n_units` counts what is resampled: clusters
# here, not items.

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
# `to_latex` writes the leaderboard (it needs the package booktabs only); bold are the best
# scorer and all that were not separated from it. `to_markdown`, `to_html` and `to_json` write
# other forms, and `me.report(table, "folder")` a whole page with figures.
#
# Every form has the **signature**: statistic, what was resampled, test, correction, seed, and a
# fingerprint of the data. With the same data it gives the same numbers, to the last digit,
# whatever the order of rows. The table that was read from shuffled files above shows it.

# %%
print(result.to_latex(), end="\n\n")
again = me.compare(own, half, n_resamples=2_000)
print("same signature:", again.signature == result.signature)
print("same numbers:", again.frame.equals(result.frame))
