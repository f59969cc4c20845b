"""Values handed to a table: aligned by ids or by the index of that table, never by place alone."""

import numpy as np
import pandas as pd
import pytest

import metaeval as me
from metaeval import MetaevalError, Pairs, Responses

N = 24


def made(order=None, systems="abc", ids=True):
    """A table of responses in some order of its rows, with a length for each row."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"item": [f"i{k // 3}" for k in range(N)], "system": list("abc") * (N // 3)}
    )
    rows["length"] = rng.integers(10, 99, N)
    values = rng.normal(size=(N, 2))
    scores, labels = pd.DataFrame({"m": values[:, 0]}), pd.DataFrame({"h": values[:, 1]})
    place = np.flatnonzero(rows["system"].isin(list(systems)))
    place = place if order is None else place[np.random.default_rng(order).permutation(len(place))]
    rows = rows if ids else rows.drop(columns="system")
    return Responses(rows.iloc[place], scores.iloc[place], labels.iloc[place], label_kind="rating")


def preferences():
    """Pairs of which every second one is turned by the table."""
    rows = pd.DataFrame({"item": range(6), "first": list("ababab"), "second": list("bababa")})
    rows["length_delta"], rows["words_first"], rows["words_second"] = range(1, 7), 1, 2
    labels = pd.DataFrame({"h": [1.0, -1.0, 0.0] * 2})
    return rows, Pairs(rows[["item", "first", "second"]], pd.DataFrame(index=rows.index), labels)


OTHERS = {
    "another order": lambda t: made(1),
    "another order, canonical": lambda t: made(1).canonical,
    "its own canonical rows": lambda t: made(2).canonical,
    "other systems": lambda t: made(systems="c"),
    "without systems": lambda t: made(ids=False),
}


@pytest.mark.parametrize("what", list(OTHERS))
def test_values_of_another_table_are_refused(what):
    table = made(systems="b") if what == "other systems" else made(2)
    other = OTHERS[what](table)
    for hand_over in (
        lambda: table.with_scorer("z", other.scores["m"]),
        lambda: table.with_scorer("z", -other.scores[["m"]]),
        lambda: table.with_covariate("z", other.scores["m"]),
        lambda: table.replace(labels=other.labels),
        lambda: table.replace(scores=other.scores),
    ):
        with pytest.raises(
            MetaevalError, match=r"index of another table, or of this table in another row order"
        ):
            hand_over()


def test_an_index_that_is_called_as_ours_is_not_ours():
    table = made(1)
    for name in ("row", "row 00000000", None):
        values = pd.Series(np.zeros(N), pd.RangeIndex(N, name=name))
        with pytest.raises(MetaevalError, match=r"without row ids"):
            table.with_scorer("z", values)


def test_rows_of_unnamed_responses_are_told_by_their_values():
    one, other = made(1, ids=False), made(2, ids=False)
    assert one.with_scorer("z", one.scores["m"]).scores["z"].equals(one.scores["m"])
    with pytest.raises(MetaevalError, match=r"index of another table"):
        one.with_scorer("z", other.scores["m"])


def test_values_of_the_same_rows_are_taken_whatever_was_changed_beside_them():
    table = made(1)
    changed = table.with_covariate("x", table.rows["length"]).with_scorer("k", -table.scores["m"])
    assert table.with_scorer("z", changed.scores["k"]).scores["z"].equals(-table.scores["m"])
    assert made(1).with_scorer("z", table.scores["m"]).scorers == ["m", "z"]
    sorted_ = table.scores["m"].sort_values()
    assert table.with_scorer("z", sorted_).scores["z"].tolist() == table.scores["m"].tolist()


def test_rows_of_another_order_are_aligned_by_their_ids():
    table, other = made(1), made(2)
    rows = table.replace(rows=other.rows).rows
    pd.testing.assert_frame_equal(rows, table.rows)


@pytest.mark.parametrize("shape", ["series", "frame", "columns", "replace"])
def test_covariates_are_aligned_by_ids(shape):
    table, other = made(1), made(2)
    file = pd.DataFrame(other.rows.astype(object).to_dict("list")).rename(columns={"length": "x"})
    keyed = file.set_index(["item", "system"])
    extended = {
        "series": lambda: table.with_covariate("x", keyed["x"]),
        "frame": lambda: table.with_covariate("x", keyed),
        "columns": lambda: table.with_covariate("x", file),
        "replace": lambda: table.replace(rows=file),
    }[shape]()
    assert extended.rows["x"].tolist() == table.rows["length"].tolist()
    with pytest.raises(MetaevalError, match=r"'x' has an index without row ids"):
        table.with_covariate("x", file["x"])


def test_covariates_of_items_hold_for_all_their_responses():
    table = made(1)
    length = table.rows.groupby("item", observed=True)["length"].max()
    extended = table.with_covariate("longest", length)
    expected = table.rows.groupby("item", observed=True)["length"].transform("max")
    assert extended.rows["longest"].tolist() == expected.tolist()


@pytest.mark.parametrize("name", ["item", "system", "m", "h"])
def test_covariates_are_not_called_as_ids_or_scorers(name):
    table = made()
    with pytest.raises(MetaevalError, match=r"choose another name"):
        table.with_covariate(name, table.rows["length"])


def test_values_of_pairs_name_both_responses():
    rows, table = preferences()
    margin = rows.set_index(["item", "first", "second"])["length_delta"].astype(float)
    expected = [1.0, -2, 3, -4, 5, -6]
    assert table.with_scorer("z", margin).scores["z"].tolist() == expected
    for ids in (["item"], ["item", "first"]):
        values = rows.set_index(ids)["length_delta"]
        for hand_over in (table.with_scorer, table.with_covariate):
            with pytest.raises(MetaevalError, match=r"use item, first and second as ids"):
                hand_over("z_delta", values)


def test_covariates_of_pairs_are_turned_with_them():
    rows, table = preferences()
    turned = table.replace(rows=rows).rows
    plain = Pairs(rows, *(f.reset_index(drop=True) for f in (table.scores, table.labels)))
    pd.testing.assert_frame_equal(turned, plain.rows)
    assert turned["length_delta"].tolist() == [1, -2, 3, -4, 5, -6]
    assert turned["words_first"].tolist() == [1, 2] * 3
    of_items = table.with_covariate("x", pd.Series(range(6), pd.Index(range(6), name="item")))
    assert of_items.rows["x"].tolist() == list(range(6))


def test_the_order_of_presentation_is_turned_with_a_pair():
    rows, table = preferences()
    rows["order"] = ["ab", "ab", "ba"] * 2
    table = Pairs(rows, *(f.reset_index(drop=True) for f in (table.scores, table.labels)))
    margin = rows.set_index(["item", "first", "second", "order"])["length_delta"]
    assert table.with_scorer("z", margin).scores["z"].tolist() == [1, -2, 3, -4, 5, -6]


def test_pairs_keep_what_was_noticed_when_responses_were_read():
    table = made().replace(notes=("a note",), warnings=("a warning",))
    assert (table.pairs().notes, table.pairs().warnings) == (("a note",), ("a warning",))
    assert table.pairs().join(made().pairs().map_scores(lambda s: s).drop_scorers("m")).warnings
    assert me.compare(table.with_scorer("k", -table.scores["m"]).pairs()).meta.warnings[0] == (
        "a warning"
    )


def reordered():
    rows = {"item": [2, 2, 1, 1], "system": list("baba"), "human": [4.0, 3, 2, 1]}
    table = me.read(pd.DataFrame(rows | {"judge": [40.0, 30, 20, 10]}))
    return table, table.canonical


def test_frames_of_two_orders_are_never_put_together():
    table, other = reordered()
    frames = {"rows": table.rows, "scores": table.scores, "labels": table.labels}
    by_ids = table.rows.sort_values(["item", "system"], ignore_index=True)
    for name, foreign in (("rows", other.rows), ("rows", by_ids), ("scores", other.scores)):
        mixed = frames | {name: foreign}
        with pytest.raises(MetaevalError, match="different tables, or are in different"):
            table.replace(**mixed)
        with pytest.raises(MetaevalError, match="come from different tables"):
            me.Responses(**mixed)
    assert table.replace(**frames).fingerprint == table.fingerprint


def test_rows_are_kept_by_a_mask_of_this_table_or_by_ids():
    table, other = reordered()
    kept = table.keep_rows(table.scores["judge"].sort_values() > 15)
    assert kept.scores["judge"].tolist() == [40, 30, 20]
    assert table.keep_rows((table.scores["judge"] > 15).to_numpy()).fingerprint == kept.fingerprint
    by_ids = pd.Series([True, False], index=pd.Index(["1", "2"], name="item"))
    assert table.keep_rows(by_ids).scores["judge"].tolist() == [20, 10]
    with pytest.raises(
        MetaevalError, match="of another table, or of this table in another row order"
    ):
        table.keep_rows(other.scores["judge"] > 15)
    for wrong in ([True], np.array([1.0, 0, 1, 0]), np.ones((4, 1), dtype=bool)):
        with pytest.raises(MetaevalError, match=r"must be a boolean array of shape \(4,\)"):
            table.keep_rows(wrong)


def test_functions_of_scores_return_values_of_this_table():
    table, other = reordered()
    assert table.map_scores(lambda s: s.sort_values()).fingerprint == table.fingerprint
    assert table.map_scores(lambda s: s.to_numpy()).fingerprint == table.fingerprint
    for wrong in (lambda s: other.scores[s.name], lambda s: s.sort_values(ignore_index=True)):
        with pytest.raises(MetaevalError, match="so its row order is unknown"):
            table.map_scores(wrong)
