"""Figures of posteriors, tasks and simulations."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from drawn import check_texts, names, pairs, posterior
from numpy.testing import assert_allclose

import metaeval as me
from metaeval import MetaevalError, bayes, plots
from metaeval.resampling import holm

mpl.use("Agg")


@pytest.fixture(autouse=True)
def look():
    with me.style("acl"):
        yield
    plt.close("all")


@pytest.fixture(scope="module")
def result(trees):
    return bayes.summarize(trees["accuracy"], "accuracy")


@pytest.fixture(scope="module")
def raw(table):
    return me.evaluate(table, "pairwise_accuracy", by="task", n_resamples=200)


@pytest.fixture(scope="module")
def ranks():
    counts = np.random.default_rng(0).multinomial(300, np.full(20, 1 / 20), size=9)
    counts[4] = np.r_[300, np.zeros(19)]
    frame = pd.DataFrame(counts, columns=[str(i) for i in range(20)])
    return frame.assign(model=np.repeat(["a", "b_$x$", "c"], 3), quantity=list("xyz") * 3)


@pytest.mark.parametrize("number", [3, 12, 40])
@pytest.mark.parametrize("density", [True, False])
def test_every_text_of_posteriors_can_be_read(number, density, trees):
    figure = plots.posterior_intervals(posterior(trees["accuracy"], number), density=density).figure
    check_texts(figure)
    assert figure.get_figwidth() == pytest.approx(3.03)


@pytest.mark.parametrize("draw", [plots.forest, plots.rank_intervals, plots.cd_diagram])
def test_other_figures_take_posteriors(draw, trees, result):
    check_texts(draw(posterior(trees["accuracy"], 12)).figure)
    assert_allclose(
        draw(result, return_data=True)["estimate"].max(), result.leaderboard()["estimate"].max()
    )


def test_a_matrix_of_posteriors_has_their_probabilities(trees):
    many = posterior(trees["accuracy"], 12, long=False)
    check_texts(plots.significance_matrix(many).figure)
    frame = plots.significance_matrix(many, order="leaderboard", return_data=True)
    for row in frame.head(30).itertuples():
        p = many.row(row.row, row.column)["prob_better"]
        assert row.value == pytest.approx(p)
        sure = max(p, 1 - p)
        level = int(sure >= 0.975 - 1e-12) + int(sure >= 0.999 - 1e-12)
        assert row.significance == np.sign(p - 0.5) * level
    with pytest.raises(MetaevalError, match="has no p-values; use value='prob_better'"):
        plots.significance_matrix(many, value="p_adjusted")


def test_intervals_are_those_of_the_result(result, trees):
    same = ["scorer", "estimate", "lower", "upper"]
    for task in (None, "tiny", "(new task)"):
        frame = plots.posterior_intervals(result, task=task, density=False, return_data=True)
        pd.testing.assert_frame_equal(frame[same], result.leaderboard(task=task)[same])
    tree = trees["accuracy"]
    of_tree = plots.posterior_intervals(tree, quantity="accuracy", confidence=0.9, return_data=True)
    leaderboard = bayes.summarize(tree, "accuracy", confidence=0.9).leaderboard()
    assert_allclose(of_tree["lower"].unique(), leaderboard["lower"].unique())


def test_curves_are_of_the_draws(result):
    frame = plots.posterior_intervals(result, task="big", return_data=True)
    own = result.frame[result.frame["baseline"].isna()].reset_index()
    place = own.index[(own["scorer"] == "good") & (own["task"] == "big")][0]
    curve = frame[frame["scorer"] == "good"]
    draws = result.draws[:, place]
    assert_allclose(curve["density"], scipy.stats.gaussian_kde(draws)(curve["value"]))
    assert_allclose(curve["value"].iloc[[0, -1]], np.quantile(draws, [0.01, 0.99]))
    ax = plots.posterior_intervals(result, task="big")
    assert len(ax.get_yticks()) == result.frame["scorer"].nunique()
    marks = next(line for line in ax.lines if line.get_marker() == "o").get_xdata()
    assert_allclose(np.sort(marks), np.sort(frame["estimate"].unique()))


def test_draws_that_are_missing_equal_or_infinite(trees, result):
    def odd(draws):
        draws[:, 0] = 0.5
        draws[::20, 1] = np.inf
        return draws

    some = posterior(trees["accuracy"], 3, long=False, more=odd)
    frame = plots.posterior_intervals(some, return_data=True).set_index("scorer")
    assert_allclose(frame.loc["scorer 1", "infinite"], 0.05)
    assert np.isnan(frame.loc["scorer 0", "density"])
    ax = plots.posterior_intervals(some)
    check_texts(ax.figure)
    assert [t.get_text() for t in ax.texts if t.get_text()] == ["P(infinite) = .050"]
    kept = type(result).from_json(result.to_json())
    assert "density" not in plots.posterior_intervals(kept, return_data=True)
    plots.posterior_intervals(kept)


def test_gaps_without_end_are_never_enough(trees):
    ax = plots.posterior_intervals(trees["calibration"], quantity="gap", agreement=0.8)
    said = [t.get_text() for t in ax.texts if t.get_text()]
    assert any(text.startswith("P(not reached) ") for text in said)
    assert "gap(agreement=0.8), in score units" in ax.get_xlabel().replace("\n", "")
    check_texts(ax.figure)
    check_texts(plots.forest(bayes.summarize(trees["calibration"], "gap")).figure)


def test_posteriors_are_told_from_other_things(trees, raw, result):
    for wrong, said in (
        ((raw, None), "expected a posterior, got a result of evaluate; use forest"),
        (
            (trees["ties"], None),
            "of the ties model has several quantities; choose one, such as quantity=",
        ),
        ((trees["ties"], "gap"), "There is no quantity of the ties model 'gap'"),
        ((result, "accuracy"), "contains one quantity; pass quantity= and its options to"),
        (("tree", None), "Expected a posterior from metaeval.bayes.fit, got str"),
    ):
        with pytest.raises(MetaevalError, match=said):
            plots.posterior_intervals(wrong[0], quantity=wrong[1])


def test_tasks_stand_beside_what_all_say(raw, result):
    frame = plots.shrinkage(raw, result, return_data=True)
    assert list(frame["task"].unique()) == ["big", "middle", "tiny"]
    for row in frame.itertuples():
        alone, pooled = (r.row(row.scorer, task=row.task) for r in (raw, result))
        assert row.n_items == alone["n_items"]
        found = [row.raw, row.raw_lower, row.raw_upper, row.pooled, row.pooled_lower]
        assert found == [*alone[["estimate", "lower", "upper"]], *pooled[["estimate", "lower"]]]
    panels = plots.shrinkage(raw, result)
    figure = panels[0, 0].figure
    check_texts(figure)
    assert figure.get_figwidth() == pytest.approx(6.30)
    assert [ax.get_title() for ax in panels.flat] == [
        f"{t} ({n} items)" for t, n in frame.groupby("task")["n_items"].first().items()
    ]
    first = frame[frame["task"] == "big"]
    drawn = [line.get_xdata() for line in panels[0, 0].lines if line.get_marker() in "so"]
    assert_allclose(drawn[0], first["raw"])
    assert_allclose(drawn[1], first["pooled"])
    links = [line.get_xdata() for line in panels[0, 0].lines if len(line.get_xdata()) == 2]
    assert_allclose(links, first[["raw", "pooled"]])


@pytest.mark.parametrize("number", [12, 40])
def test_tasks_of_many_scorers_can_be_read(number, trees):
    many = posterior(trees["accuracy"], number)
    tasks = [f"a task with a rather long name_{t}$" for t in "abcdefg"]
    every = many.frame[many.frame["baseline"].isna()]
    frame = pd.concat([many.frame, *(every.assign(task=t) for t in tasks)], ignore_index=True)
    by_task = type(many)(frame, None, many.meta)
    alone = me.evaluate(pairs(number), "pairwise_accuracy", n_resamples=200)
    alone = type(alone)(
        pd.concat([alone.frame, *(alone.frame.assign(task=t) for t in tasks)], ignore_index=True),
        *(None, alone.meta),
    )
    check_texts(plots.shrinkage(alone, by_task)[0, 0].figure)


def test_panels_are_made_in_a_figure_that_is_given(raw, result, ranks):
    figure = plt.figure(figsize=(7, 6), layout="constrained")
    upper, lower = figure.subfigures(2, 1)
    panels = plots.shrinkage(raw, result, fig=upper)
    more = plots.sbc_ranks(ranks, fig=lower)
    assert panels[0, 0].figure is upper
    assert more[0, 0].figure is lower
    figure.canvas.draw()
    for draw in (
        lambda f: plots.shrinkage(raw, result, fig=f),
        lambda f: plots.sbc_ranks(ranks, fig=f),
    ):
        with pytest.raises(
            MetaevalError, match=r"must be a matplotlib figure, such as plt\.figure"
        ):
            draw(panels[0, 0])


def test_tasks_need_both_sides_and_something_in_common(raw, result, table, trees):
    tree = trees["accuracy"]
    with pytest.raises(MetaevalError, match=r"in that order, got posterior of .* and evaluate"):
        plots.shrinkage(result, raw)
    with pytest.raises(
        MetaevalError, match="have no task in common; evaluate and fit the same table"
    ):
        plots.shrinkage(me.evaluate(table, "pairwise_accuracy", n_resamples=200), result)
    with pytest.raises(MetaevalError, match=r"expected a Result, got (DataTree|InferenceData)"):
        plots.shrinkage(raw, tree)


def test_ranks_are_cumulated(ranks):
    frame = plots.sbc_ranks(ranks, return_data=True)
    one = frame[(frame["model"] == "b_$x$") & (frame["quantity"] == "x")]
    counts = ranks.loc[3, [str(i) for i in range(20)]].to_numpy(dtype=float)
    assert_allclose(one["excess"], np.r_[0, np.cumsum(counts) / 300] - np.arange(21) / 20)
    p = [
        scipy.stats.chisquare(ranks.loc[i, "0":"19"].to_numpy(dtype=float)).pvalue for i in range(3)
    ]
    found = frame[frame["model"] == "a"].drop_duplicates("quantity")["p_adjusted"]
    assert_allclose(found, holm(np.array(p)))
    panels = plots.sbc_ranks(ranks)
    check_texts(panels[0, 0].figure)
    assert panels[0, 1].get_title().replace("\n", "") == "b_\\$x\\$: minimum Holm p 0.00"
    assert_allclose(panels[0, 0].lines[0].get_ydata(), frame["excess"].head(21))


def test_the_band_holds_nineteen_curves_of_twenty(ranks):
    frame = plots.sbc_ranks(ranks, return_data=True).head(21)
    counts = np.random.default_rng(5).multinomial(300, np.full(20, 1 / 20), size=4000)
    excess = np.cumsum(counts, axis=1) / 300 - np.arange(1, 21) / 20
    inside = (np.abs(excess) <= frame["band"].to_numpy()[1:] + 1e-9).all(axis=1)
    assert abs(inside.mean() - 0.95) < 0.015


def test_coverage_has_wilson_intervals():
    counted = pd.DataFrame({"label": names(5), "covered": [90, 950, 0, 7, 1000]})
    counted["sets"] = [100, 1000, 10, 7, 1000]
    frame = plots.coverage(counted, return_data=True)
    for row in frame.itertuples():
        ends = scipy.stats.binomtest(row.covered, row.sets).proportion_ci(0.95, "wilson")
        assert_allclose([row.lower, row.upper], ends, atol=1e-12)
    ax = plots.coverage(counted, nominal=0.9)
    check_texts(ax.figure)
    assert any(line.get_xdata()[0] == 0.9 for line in ax.lines)
    marks = next(line for line in ax.lines if line.get_marker() == "o").get_xdata()
    assert_allclose(marks, frame["share"])


@pytest.mark.parametrize(
    ("draw", "frame", "said"),
    [
        (plots.coverage, [1], "expected a pandas DataFrame, got list"),
        (plots.coverage, {"label": ["a"], "covered": [3]}, "coverage needs a column 'sets'"),
        (
            plots.coverage,
            {"label": ["a"], "covered": [3], "sets": [2]},
            "0 <= covered <= sets and sets >= 1",
        ),
        (plots.coverage, {"label": [], "covered": [], "sets": []}, "coverage requires rows"),
        (plots.sbc_ranks, "file.csv", "sbc_ranks expected a pandas DataFrame, got str"),
        (plots.sbc_ranks, {"model": ["m"], "0": [1], "1": [2]}, "needs a column 'quantity'"),
        (plots.sbc_ranks, {"model": ["m"], "quantity": ["q"]}, "got no such column in 1 rows"),
        (
            plots.sbc_ranks,
            {"model": ["m"], "quantity": ["q"], "0": [-1], "1": [2]},
            "nonnegative counts .*; got 0, 1",
        ),
    ],
)
def test_frames_that_cannot_be_drawn(draw, frame, said):
    with pytest.raises(MetaevalError, match=said):
        draw(pd.DataFrame(frame) if isinstance(frame, dict) else frame)
    with pytest.raises(MetaevalError, match="nominal=95 must be a number between 0 and 1"):
        plots.coverage(pd.DataFrame({"label": ["a"], "covered": [1], "sets": [2]}), nominal=95)


@pytest.mark.parametrize("read", [plots.posterior_intervals, bayes.summarize])
def test_a_posterior_without_draws_is_refused(read, trees):
    with pytest.raises(MetaevalError, match="has no draws; fit the model again"):
        read(trees["accuracy"].isel(draw=slice(0, 0)), quantity="accuracy")
