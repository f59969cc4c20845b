"""Files side by side that do not quite fit, and pairs that stand in both orders."""

import numpy as np
import pandas as pd
import pytest

from metaeval.core import MetaevalError
from metaeval.readers import read


def grid(items, systems=("a", "b"), *, name="s.csv", **columns):
    """Items by systems; a column is the number of its row, to which its number is added."""
    rows = [(item, system) for item in items for system in systems]
    frame = pd.DataFrame(rows, columns=["item", "system"])
    for k, column in enumerate(columns):
        frame[column] = np.sin(np.arange(len(frame)) + columns[column] + k)
    frame.attrs["source"] = name
    return frame


def labels(items, systems=("a", "b"), name="l.csv"):
    frame = grid(items, systems, name=name, human=5)
    frame["human"] = (frame["human"] > 0).astype(int)
    return frame


def fails(message, *sources, **options):
    with pytest.raises(MetaevalError, match=message) as caught:
        read(*sources, **options)
    return str(caught.value)


PADDED = [f"{n:03d}" for n in range(140)]


# Leading zeros
def test_ids_that_one_file_pads_with_zeros_are_warned_of_first():
    sources = grid(PADDED, judge=1), labels(range(140))
    for order in (sources, sources[::-1]):
        table = read(*order)
        first, second, *_ = table.warnings
        assert first.startswith("100 items of l.csv and of s.csv differ only in leading zeros")
        assert "'0' and '000'" in first
        assert "use the same ids in both files" in first
        assert second.startswith("only 80 of 280 rows with scores have labels")
    padded = labels(PADDED)  # the cure
    table = read(sources[0], padded)
    assert table.warnings == ()
    assert table.labels["human"].tolist() == padded["human"].tolist()


def test_ids_padded_beside_a_file_without_systems():
    table = read(grid(PADDED, judge=1), labels(range(140), "a").drop(columns="system"))
    assert "differ only in leading zeros" in table.warnings[0]


def test_ids_that_share_nothing_for_their_zeros():
    fails(
        "share no rows.*items differ in leading zeros, such as '000' and '0'",
        *(grid(PADDED[:100], judge=1, name="a.csv"), labels(range(100))),
    )


def test_one_file_with_and_without_zeros():
    [warning] = read(grid([7, "007", 8], judge=1, human=2)).warnings
    assert warning == (
        "2 items differ only in case, spaces, leading zeros or invisible characters: '007', '7'"
    )
    for items in (["1.05", "1.5", "1.005"], ["a0", "a", "b0"], ["q10", "q1", "q100"]):
        assert not any("leading" in w for w in read(grid(items, judge=1, human=2)).warnings)


# Names that either file lacks
def test_a_system_that_has_two_names_is_warned_of():
    sources = grid(range(9), ("gpt-4", "x"), judge=1), labels(range(9), ("gpt4", "x"))
    [warning] = read(*sources).warnings
    assert "only l.csv has 'gpt4', only s.csv has 'gpt-4'" in warning
    assert read(sources[0], labels(range(9), ("gpt-4", "x"))).warnings == ()


def test_a_task_that_has_two_names_is_warned_of():
    scores, gold = (
        pd.concat([frame.assign(task=task) for task in tasks])
        for frame, tasks in (
            (grid(range(9), judge=1), ("en-de", "en-fr")),
            (labels(range(9)), ("ende", "en-fr")),
        )
    )
    assert "'en-de'" in next(w for w in read(scores, gold).warnings if w.startswith("tasks differ"))


def test_a_side_of_pairs_that_has_two_names_is_warned_of():
    pairs = pd.DataFrame(
        {"item": range(12), "first": ["a", "a", "b"] * 4, "second": list("bcc") * 4}
    )
    judged, gold = pairs.assign(judge=np.sin(range(12))), pairs.assign(human=np.cos(range(12)))
    assert read(judged, gold).warnings == ()
    renamed = gold.replace({"c": "C2"})
    first, second = read(judged, renamed).warnings
    assert first.startswith("responses differ: ")
    assert second.startswith("only 4 of 12 rows")


def test_responses_of_single_items_may_be_in_one_file_only():
    pairs = pd.DataFrame({"item": range(12)})
    pairs = pairs.assign(first=[f"{i}a" for i in range(12)], second=[f"{i}b" for i in range(12)])
    table = read(pairs.assign(judge=1.0).head(10), pairs.assign(human=1.0).tail(10))
    assert not any("differ" in w for w in table.warnings)


def test_one_file_may_have_more_systems_tasks_and_rows():
    assert read(grid(range(9), "abc", judge=1), labels(range(4))).warnings == ()
    assert read(grid(range(4), judge=1), labels(range(9), "abc")).warnings == ()


def test_few_rows_with_labels_are_warned_of_where_both_files_have_others():
    [warning] = read(grid(range(100), judge=1), labels(range(70, 180))).warnings
    assert warning.startswith(
        "only 60 of 200 rows with scores have labels, and 160 rows have labels but no scores"
    )


def test_files_of_one_scorer_are_one_side():
    systems = ("ab", "cd")
    halves = [grid(range(9), two, judge=k, name=f"{two}.csv") for k, two in enumerate(systems)]
    assert read(*halves, labels(range(9), "abcd")).warnings == ()
    [warning] = read(*halves, labels(range(9), "abce")).warnings
    assert "systems differ: only ab.csv, cd.csv has 'd', only l.csv has" in warning


# Files that continue each other
@pytest.mark.parametrize("other", ["judge", "bleu"])
def test_shards_with_scores_and_labels_are_not_shifted(other):
    one = grid(range(30), judge=1, human=2, name="s1.csv")
    two = grid(range(30, 60), **{other: 3}, human=4, name="s2.csv")
    table = read(one, two)
    assert table.warnings == ()
    assert len(table) == 120
    assert table.scores["judge"].iloc[:60].tolist() == one["judge"].tolist()
    assert table.scores[other].iloc[60:].tolist() == two[other].tolist()


def test_items_from_0_and_from_1_are_still_shifted():
    table = read(grid(range(30), judge=1), labels(range(1, 31)))
    assert "item numbers in s.csv look shifted by -1" in table.warnings[0]


# A column for each system
SYSTEMS = ("alpha", "beta", "gamma")
WIDE = pd.DataFrame({"item": range(9)} | {s: np.sin(np.arange(9) + len(s)) for s in SYSTEMS})


def test_columns_that_are_called_like_systems_are_refused_with_the_cure():
    WIDE.attrs["source"] = "wide.csv"
    text = fails("are named like the systems of l.csv", WIDE, labels(range(9), SYSTEMS))
    cure = "pandas.melt(frame, id_vars='item', var_name='system', value_name='score')"
    assert cure in text
    long = pd.melt(WIDE, id_vars="item", var_name="system", value_name="score")
    table = read(long, labels(range(9), SYSTEMS))
    assert table.warnings == ()
    assert table.scores["score"].tolist() == [x for system in SYSTEMS for x in WIDE[system]]


def test_columns_of_ids_stay_where_a_wide_table_is_reshaped():
    wide = WIDE.rename(columns={"item": "seg_id"}).assign(lp="en-de")
    text = fails("pandas.melt", wide, labels(range(9), SYSTEMS))
    assert "id_vars=['seg_id', 'lp']" in text
    fails("value_name='label' for labels", grid(range(9), SYSTEMS, judge=1), WIDE)


def test_judges_that_are_called_like_systems_are_judges():
    scores = grid(range(9), SYSTEMS, alpha=1, beta=2)
    assert read(scores, labels(range(9), SYSTEMS)).scorers == ["alpha", "beta"]


# Pairs in both orders
M = 16
SHOWN = pd.DataFrame(
    {
        "item": range(M),
        "first": "a",
        "second": "b",
        "human": np.where(np.arange(M) % 3, 1, -1),
        "judge": np.round(np.sin(np.arange(M)), 2),
        "rm": np.round(np.cos(np.arange(M)), 2),
    }
)
TURNED = SHOWN.assign(
    first="b",
    second="a",
    human=-SHOWN["human"],
    judge=np.round(0.25 - SHOWN["judge"], 2),
    rm=-SHOWN["rm"],
)
BOTH = pd.concat([SHOWN, TURNED], ignore_index=True)


def test_wide_pairs_in_both_orders_are_kept_as_shown():
    text = fails(r"has 16 pairs in both orders.*ordered=True \(--ordered\)", BOTH)
    assert "No column distinguishes" not in text
    table = read(BOTH, ordered=True)
    assert table.scores["judge"].tolist() == BOTH["judge"].tolist()
    assert table.labels["human"].tolist() == BOTH["human"].tolist()
    assert table.rows["first"].tolist() == ["a"] * M + ["b"] * M
    assert len(read(SHOWN)) == M


def test_the_net_of_wide_pairs_is_refused():
    fails(
        r"keep the pairs as shown.*without both_orders='net' \(--both-orders net\)",
        BOTH,
        both_orders="net",
    )
    for frame in (BOTH, SHOWN):
        fails("which ordered=True keeps", frame, ordered=True, both_orders="net")


def test_pairs_that_are_there_twice_in_one_order_are_duplicates():
    fails("remove the duplicates", pd.concat([SHOWN, SHOWN.assign(judge=0.5)]))
    fails("remove the duplicates", pd.concat([BOTH, SHOWN.assign(judge=0.5)]))


def test_long_margins_in_both_orders():
    long = BOTH.melt(["item", "first", "second"], ["judge", "rm"], "scorer", "margin_of_first")
    fails("has 32 pairs in both orders", long)
    table = read(long, ordered=True)
    assert table.scores["judge"].tolist() == BOTH["judge"].tolist()
    assert read(long.iloc[:M]).scores["judge"].tolist() == SHOWN["judge"].tolist()


def verdicts(tied=()):
    """A judge who contradicts itself on every other pair, and labels without a tie."""
    ids = SHOWN[["item", "first", "second"]]
    gold = ids.assign(rater="human", preference=np.where(SHOWN["human"] > 0, "first", "second"))
    one = ids.assign(scorer="j", preference="first")
    two = one.assign(first="b", second="a", preference=["first", "second"] * (M // 2))
    one, two = (
        f.assign(preference=f["preference"].mask(f["item"].isin(tied), "tie")) for f in (one, two)
    )
    return pd.concat([gold, one, two])


def test_ties_that_the_net_made_are_not_warned_of():
    table = read(verdicts(), both_orders="net")
    assert table.scores["j"].tolist() == [0.0, 1.0] * (M // 2)
    assert not any("labels have no ties" in w for w in table.alignment.warnings)
    ties = read(verdicts(tied=range(1, M, 2)), both_orders="net")
    [warning] = [w for w in ties.alignment.warnings if "labels have no ties" in w]
    assert "(j 50%)" in warning


def test_wide_pairs_whose_orders_are_in_two_files():
    fails(r"in one order in .* and in the other in .*\(--ordered\)", SHOWN, TURNED)
    table = read(SHOWN, TURNED, ordered=True)
    assert table.fingerprint == read(BOTH, ordered=True).fingerprint
    gold = TURNED[["item", "first", "second", "human"]]
    table = read(SHOWN.drop(columns="human"), gold)
    assert table.labels["human"].tolist() == SHOWN["human"].tolist()
