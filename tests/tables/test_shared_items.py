"""Tasks that are aspects of the same responses: noticed, said first, and not taken for items."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import metaeval as me
from metaeval import MetaevalError, Pairs, Responses, bayes, calibration, load_example
from metaeval.cli.terminal import as_text
from metaeval.statistics import Forecast, pairwise_accuracy

FEW = {"n_resamples": 200}
SAID = r"assuming that the tasks .* share their items.*shared_items=False \(--independent-items\)"


def aspects(n=12, systems=4, tasks=3, seed=0, copies=True, **options):
    """Aspects of the same responses: a common part of quality, scores that know no aspect."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, systems))
    quality = common + rng.normal(size=(tasks, n, systems)) / 2
    scores = {k: np.tile(common + rng.normal(size=(n, systems)), (tasks, 1, 1)) for k in "ab"}
    if not copies:
        scores = {k: v + rng.normal(size=v.shape) / 5 for k, v in scores.items()}
    index = np.indices((tasks, n, systems)).reshape(3, -1)
    names = ("task", "item", "system")
    rows = pd.DataFrame({c: [f"{c[0]}{v}" for v in i] for c, i in zip(names, index, strict=True)})
    scores = pd.DataFrame({k: v.ravel() for k, v in scores.items()})
    labels = pd.DataFrame({"h": np.round(2 * quality.ravel())})
    return Responses(rows, scores, labels, label_kind="rating", **options)


def part(table, keep, **changes):
    fields = {n: getattr(table, n)[keep] for n in ("rows", "scores", "labels")}
    return Responses(**fields, **changes)


def test_aspects_are_noticed_and_said_in_the_first_line():
    table = aspects(copies=False)
    assert table.shared_items is table.sharing_assumed is True
    assert table.n_items == 12
    for result in (me.compare(table, **FEW), me.evaluate(table, by="task", **FEW)):
        assert pd.Series(result.meta.warnings[:1]).str.match(SAID).all()
        assert result.frame["n_items"].max() == 12
    first, second = as_text(me.compare(table, **FEW)).split("\n")[:2]
    assert "share their items" in first + second
    assert "share their items" in table.alignment.lines()[0]
    frame = calibration.reliability(
        table, forecast=Forecast(scale="log_odds", rows="pairs"), n_resamples=100
    )
    assert "share their items" in frame.attrs["notes"][0]


@pytest.mark.parametrize("shared", [True, False])
def test_what_is_said_counts_and_is_not_repeated(shared):
    table = aspects(shared_items=shared)
    assert table.shared_items is shared
    for given_ in (table, aspects().replace(shared_items=shared)):
        assert given_.n_items == (12 if shared else 36)
        assert not given_.alignment.warnings
        assert given_.fingerprint == table.fingerprint


def test_holes_and_parts_change_nothing_of_what_was_inferred():
    table = aspects()
    rng = np.random.default_rng(0)
    holes = table.scores.mask(rng.random(table.scores.shape) < 0.4)
    result = me.compare(table.replace(scores=holes), **FEW)
    assert "share their items" in result.meta.warnings[0]
    few = table.keep_rows(rng.random(len(table)) < 0.3)
    assert few.shared_items
    assert not table.select(task="t1").alignment.warnings
    assert table.pairs().shared_items and table.pairs().n_items == 12


@given(st.integers(0, 1000))
def test_a_few_rows_that_are_missing_do_not_hide_it(seed):
    table = aspects()
    keep = np.random.default_rng(seed).random(len(table)) > 0.03
    assert part(table, keep).shared_items


def test_equal_scores_are_proof_where_aspects_have_parts_of_the_items():
    table = aspects(n=20)
    place = table.rows["item"].str[1:].astype(int) + 7 * table.rows["task"].str[1:].astype(int)
    some = (place % 20 < 14).to_numpy()
    assert part(table, some).shared_items
    noisy = aspects(n=20, copies=False)
    assert not part(noisy, some).shared_items


def test_pairs_of_aspects_are_noticed():
    pairs = aspects(copies=False).pairs()
    made = Pairs(pairs.rows, pairs.scores, pairs.labels)
    assert made.shared_items and made.n_items == 12
    assert me.compare(made, **FEW).meta.warnings[0].startswith("assuming that the tasks")


@pytest.mark.parametrize(
    "change",
    [
        {"item": lambda r: r["task"] + r["item"]},
        {"system": lambda r: r["task"] + r["system"]},
        {"cluster": lambda r: r["task"] + r["item"]},
        {"system": lambda r: r["task"] + r["system"], "task": lambda r: "one"},
        {"system": lambda r: r["item"] + r["system"], "item": lambda r: "one"},
    ],
    ids=["own items", "own systems", "own clusters", "one task", "one item"],
)
def test_tasks_of_their_own_are_left_alone(change):
    table = aspects(copies=False)
    rows = table.rows.astype(str)
    rows = rows.assign(**{k: f(rows) for k, f in change.items()})
    made = Responses(rows, table.scores, table.labels, label_kind="rating")
    assert not made.shared_items and not made.alignment.warnings


def test_tasks_that_number_their_items_are_taken_for_one_with_a_warning():
    table = aspects(copies=False)
    assert re_read(table, "system").shared_items
    assert not load_example().shared_items
    assert not me.simulate(tasks=("a", "b"), n_items=10).table.shared_items


def tasks_with_like_numbers(n=60, systems=4, tasks=3, seed=0, names=("item", "system")):
    """Tasks with items of their own that are numbered alike; systems differ in all tasks."""
    rng = np.random.default_rng(seed)
    difficulty = rng.normal(size=(tasks, n, 1))
    quality = rng.normal(size=(tasks, n, systems)) + difficulty + 2 * np.arange(systems)
    index = np.indices((tasks, n, systems)).reshape(3, -1)
    columns = dict(zip(("task", "item", "system"), index, strict=True))
    rows = pd.DataFrame({c: columns[c] for c in ("task", *names)})
    scores = {k: (quality + rng.normal(size=quality.shape)).ravel() for k in "ab"}
    labels = pd.DataFrame({"h": quality.ravel()})
    return Responses(rows, pd.DataFrame(scores), labels, label_kind="rating")


@pytest.mark.parametrize("systems", [1, 4])
def test_tasks_whose_values_are_not_correlated_have_their_own_items(systems):
    names = ("item", "system") if systems > 1 else ("item",)
    table = tasks_with_like_numbers(systems=systems, names=names)
    assert not table.shared_items and table.n_items == 180
    [warning] = table.alignment.warnings
    assert "(--independent-items)" in warning and "(--shared-items)" in warning
    assert ("items and responses" in warning) == (systems > 1)
    result = me.compare(table, "pearson", **FEW)
    assert result.meta.warnings[0] == warning
    assert result.frame["n_items"].max() == 180
    assert not table.replace(shared_items=False).alignment.warnings


@pytest.mark.parametrize("n_sets", [30, pytest.param(200, marks=pytest.mark.slow)])
def test_how_often_like_numbers_and_aspects_are_told(n_sets):
    sets = range(n_sets)
    apart = [not tasks_with_like_numbers(seed=seed).shared_items for seed in sets]
    assert np.mean(apart) > 0.9  # t above 2 in .023
    shared = [aspects(n=n, seed=seed, copies=False).shared_items for n in (20, 60) for seed in sets]
    assert all(shared)


def test_few_items_cannot_tell_and_are_taken_to_be_shared():
    table = tasks_with_like_numbers(n=19)
    assert table.shared_items and table.n_items == 19
    more = {"new": "a", "baseline": "b", "resample": "item", **FEW}
    with pytest.raises(MetaevalError, match=r"shared_items=False \(--independent-items\)"):
        me.gate(table, "pearson", **more)
    apart = me.gate(table.replace(shared_items=False), "pearson", **more)
    assert apart.result.frame["n_items"].max() == 57


def test_tasks_are_drawn_where_they_seem_to_share_their_items():
    table = aspects(tasks=6, copies=False)
    result = me.compare(table, "pearson", resample="task", **FEW)
    first = result.meta.warnings[0]
    assert "resample='task' treats them as independent" in first
    assert result.frame["n_clusters"].max() == 6
    with pytest.raises(MetaevalError, match=r"shared_items=True.*use resample='item'"):
        me.compare(table.replace(shared_items=True), "pearson", resample="task", **FEW)


def re_read(table, *without):
    rows = table.rows.drop(columns=list(without))
    return Responses(rows, table.scores, table.labels, label_kind="rating")


def test_models_of_independent_tasks_say_what_to_say():
    with pytest.raises(
        MetaevalError, match=r"read with shared_items=False \(--independent-items\)"
    ):
        bayes.fit("accuracy", aspects())


def rejections_of_equal_scorers(sets, n, tasks, policy):
    """Proportion of data sets in which equal scorers differ, with and without shared items."""
    rejected = {True: 0, False: 0}
    for seed in range(sets):
        table = aspects(n=n, tasks=tasks, seed=seed)
        for shared in rejected:
            result = me.compare(
                table if shared else table.replace(shared_items=False),
                pairwise_accuracy(policy),
                n_resamples=100,
                correction="none",
            )
            rejected[shared] += result.row("a", "b")["p_value"] <= 0.05
    return {shared: n_rejected / sets for shared, n_rejected in rejected.items()}


def test_two_equal_scorers_are_told_apart_no_more_often_than_they_should():
    """30 items x 4 systems x 6 aspects: taken for 180 items, about .28 at a nominal .05."""
    rejected = rejections_of_equal_scorers(40, n=30, tasks=6, policy="half")
    assert rejected[True] < 0.19  # four standard errors above .05
    assert rejected[False] > 0.19


@pytest.mark.slow
def test_two_equal_scorers_in_large():
    """60 items x 4 systems x 3 aspects: taken for 180 items, .165 at a nominal .05."""
    rejected = rejections_of_equal_scorers(200, n=60, tasks=3, policy="acc-eq")
    assert rejected[True] < 0.10  # over three standard errors above .05
    assert rejected[False] > 0.12
