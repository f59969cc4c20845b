"""Tables that Hypothesis draws: valid ones on coarse grids, and broken ones."""

import numpy as np
import pandas as pd
from hypothesis import assume, strategies as st
from hypothesis.extra.numpy import arrays

from metaeval.tables import Responses

GRID = (0.0, 0.25, 0.5, 1.0, 1.5, 3.0)  # exact, with ties and with equal differences
RATINGS = (0.0, 1.0, 2.0, 3.0)
NAMES = ("alpha", "beta", "gamma", "delta")


def _column(n, values):
    return arrays(float, n, elements=st.sampled_from(values), fill=st.nothing())


@st.composite
def responses(
    draw,
    scorers=2,
    items=(2, 6),
    systems=(2, 5),
    holes=False,
    clusters=False,
    tasks=False,
    labels=RATINGS,
    kind="rating",
    grid=GRID,
):
    """Valid Responses.

    With `holes`, responses are missing and so are some scores; with `clusters` or `tasks` there
    may be such a column.
    """
    n_items, n_systems = draw(st.integers(*items)), draw(st.integers(*systems))
    item, system = np.divmod(np.arange(n_items * n_systems), n_systems)
    rows = pd.DataFrame({"item": [f"i{i}" for i in item], "system": [f"s{s}" for s in system]})
    if tasks and draw(st.booleans()):
        rows["task"] = [f"t{i % 2}" for i in item]
    if clusters and draw(st.booleans()):
        rows["cluster"] = [f"c{i // 2}" for i in item]
    n = len(rows)
    scores = pd.DataFrame({name: draw(_column(n, grid)) for name in NAMES[:scorers]})
    human = pd.DataFrame({"human": draw(_column(n, labels))})
    if holes:
        there = draw(arrays(bool, n, elements=st.sampled_from([True, True, True, False])))
        assume(there.any())
        rows, scores, human = rows[there], scores[there], human[there]
        empty = draw(arrays(bool, len(rows), elements=st.sampled_from([False] * 7 + [True])))
        scores = scores.assign(**{NAMES[0]: scores[NAMES[0]].mask(empty)})
    return Responses(rows, scores, human, label_kind=kind)


def candidates(**options):
    """Valid Responses with correctness labels."""
    return responses(labels=(0.0, 1.0), kind="correct", **options)


@st.composite
def weights(draw, n):
    """How often each of n units was drawn: whole numbers that add up to n."""
    drawn = draw(st.lists(st.integers(0, n - 1), min_size=n, max_size=n))
    return np.bincount(drawn, minlength=n).astype(float)


@st.composite
def broken(draw):
    """Rows, scores, labels and options that no table accepts, and a word of the message."""
    table = draw(responses())
    rows, scores, labels = table.rows.astype(str), table.scores, table.labels
    at = draw(st.integers(0, len(rows) - 1))
    what = draw(st.sampled_from(sorted(_BREAKS)))
    return what, *_BREAKS[what](rows, scores.copy(), labels.copy(), at)


def _nothing(frame, at, value):
    frame = frame.astype(object)
    frame.iloc[at, 0] = value
    return frame


_BREAKS = {
    "duplicate": lambda r, s, h, at: (
        pd.concat([r, r.iloc[[at]]], ignore_index=True),
        pd.concat([s, s.iloc[[at]]], ignore_index=True),
        pd.concat([h, h.iloc[[at]]], ignore_index=True),
        {},
        "Remove duplicates",
    ),
    "infinite": lambda r, s, h, at: (r, _nothing(s, at, np.inf), h, {}, "infinite"),
    "text": lambda r, s, h, at: (r, _nothing(s, at, "n/a"), h, {}, "non-numeric"),
    "null id": lambda r, s, h, at: (_nothing(r, at, None), s, h, {}, "Fill them in"),
    "index": lambda r, s, h, at: (r, s, h.set_axis(h.index + 1), {}, "share one index"),
    "no item": lambda r, s, h, at: (r.drop(columns="item"), s, h, {}, "needs a column 'item'"),
    "weight": lambda r, s, h, at: (r.assign(weight=1.0), s, h, {}, "drop or rename"),
    "both": lambda r, s, h, at: (r, s, h.assign(alpha=1.0), {}, "rename one"),
    "kind": lambda r, s, h, at: (r, s, h, {"label_kind": "corect"}, "Did you mean 'correct'"),
    "missing": lambda r, s, h, at: (r, s, h, {"missing": "drop"}, "is not one of"),
    "epsilon": lambda r, s, h, at: (r, s, h, {"label_epsilon": -1}, "nonnegative number"),
    "graded": lambda r, s, h, at: (
        r,
        s,
        _nothing(h, at, 0.5),
        {"label_kind": "correct"},
        "Use label_kind='rating'",
    ),
    "torn": lambda r, s, h, at: (
        r.assign(cluster=[f"c{i}" for i in range(len(r))]),
        s,
        h,
        {},
        "Each item must belong to one cluster",
    ),
}
