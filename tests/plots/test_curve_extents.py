"""Curves and ranks: no text covers another or leaves the figure, however many scorers there are."""

import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt

import metaeval
from metaeval.plots import (
    _gap_to_agreement,
    _order_bias,
    _reliability,
    _risk_coverage,
    _tie_curve,
    _tie_policies,
)
from metaeval.plots.theme import style
from metaeval.statistics import Forecast

LONG = "a_very long-name_of/a scorer with 60 characters: %&$ and more "
ODD = [
    "a_b%&$x$",
    "<script>alert(1)</script>",
    "\u05e9\u05dc\u05d5\u05dd",
    "\U0001f600 face",
    "two\nlines",
]


@pytest.fixture(autouse=True)
def closed():
    with style("acl"):
        yield
    plt.close("all")


def names_of(n):
    return (
        [*ODD, *(f"{LONG}{i:02d}" for i in range(n))][-n:]
        if n < 8
        else [*ODD, *(f"{LONG}{i:02d}" for i in range(n - len(ODD)))]
    )


def copies(frame, n):
    """The frame of one scorer as often as there are names."""
    frames = [frame.assign(scorer=name) for name in names_of(n)]
    whole = pd.concat(frames, ignore_index=True)
    whole.attrs |= frame.attrs
    return whole


def texts_of(figure):
    """Boxes of all texts that are seen, by what they say."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    found = []
    panels = [child for parent in figure.axes for child in parent.child_axes]
    for ax in [*figure.axes, *panels]:
        ticks = [t for axis in (ax.xaxis, ax.yaxis) for t in axis._update_ticks()]
        labels = [t.label1 for t in ticks] + [ax.xaxis.label, ax.yaxis.label, *ax.texts]
        labels += list(ax.get_legend().get_texts()) if ax.get_legend() else []
        found += [(t.get_text(), t.get_window_extent(renderer)) for t in labels if t.get_visible()]
    return [(text, box) for text, box in found if text.strip()]


def assert_readable(ax):
    figure = ax.figure.figure
    boxes = texts_of(figure)
    assert boxes
    edge = figure.bbox.padded(1.0)
    outside = [
        t for t, b in boxes if not edge.contains(b.x0, b.y0) or not edge.contains(b.x1, b.y1)
    ]
    assert not outside
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        wide = min(a.x1, b.x1) - max(a.x0, b.x0)
        high = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert wide <= 0.5 or high <= 0.5, f"{one!r} covers {other!r}"
    small = min(t.get_fontsize() for t in figure.findobj(matplotlib.text.Text))
    assert small >= 5


@pytest.fixture(scope="module")
def table():
    return metaeval.load_example()


@pytest.fixture(scope="module")
def curves(table):
    """Frames of one scorer, by the function that draws them."""
    judged = {"scorers": "reward", "return_data": True}
    return {
        "reliability": _reliability.reliability(
            table, forecast="log_odds", **judged, n_resamples=100
        ),
        "three_way": _reliability.reliability(
            table, **judged, forecast=Forecast(ties_as_outcome=True), n_resamples=100
        ),
        "gap": _gap_to_agreement.gap_to_agreement(table, **judged, n_resamples=100),
        "tie_curve": _tie_curve.tie_curve(table, **judged, points=6, n_resamples=100),
        "risk_coverage": _risk_coverage.risk_coverage(table, **judged),
    }


DRAW = {
    "reliability": lambda frame, ax=None: _reliability._draw(frame, ax, 0.95),
    "three_way": lambda frame, ax=None: _reliability._draw(frame, ax, 0.95),
    "gap": lambda frame, ax=None: _gap_to_agreement._draw(frame, 0.9, ax),
    "tie_curve": lambda frame, ax=None: _tie_curve._draw_thresholds(frame, ax, 0.95),
    "risk_coverage": lambda frame, ax=None: _risk_coverage._draw(frame, ax, 0.95),
}


@pytest.mark.parametrize(
    ("kind", "n"),
    [*((kind, n) for kind in DRAW for n in (1, 3, 12)), ("reliability", 40), ("gap", 40)],
)
def test_texts_of_curves_neither_cover_one_another_nor_leave_the_figure(curves, kind, n):
    ax = DRAW[kind](copies(curves[kind], n))
    assert_readable(ax)
    page = 6.3 if n > 12 else 3.03
    assert ax.figure.get_figwidth() == pytest.approx(page)


@pytest.mark.parametrize("name", ["neurips", "slides"])
@pytest.mark.parametrize("kind", list(DRAW))
def test_other_styles_are_readable_too(curves, kind, name):
    with style(name):
        assert_readable(DRAW[kind](copies(curves[kind], 3)))


def ranked(n, policies=4):
    rng = np.random.default_rng(0)
    names = names_of(n)
    rows = [
        {"statistic": statistic, "scorer": name, "estimate": 0.5, "rank": rank + 1}
        | {"rank_low": max(1, rank - 1), "rank_high": min(n, rank + 3)}
        for statistic in (
            "pairwise_accuracy(ties=acc-eq)",
            "tie_calibrated_accuracy(n_folds=20)",
            "pairwise_accuracy(ties=strict)",
            "pairwise_accuracy(ties=half)",
            "best_of_n(ties=lenient)",
        )[:policies]
        for rank, name in enumerate(rng.permutation(names))
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("n", "n_policies"), [(2, 2), (3, 4), (12, 4), (40, 5)])
def test_texts_of_ranks_neither_cover_one_another_nor_leave_the_figure(n, n_policies):
    ax = _tie_policies._draw(ranked(n, n_policies), None, None)
    assert_readable(ax)
    assert ax.figure.get_figwidth() == pytest.approx(3.03)


@pytest.mark.parametrize("n", [1, 3, 12, 40])
def test_texts_of_biases_neither_cover_one_another_nor_leave_the_figure(n):
    values = np.linspace(-0.4, 0.2, n)
    frame = pd.DataFrame({"scorer": names_of(n), "estimate": values})
    frame = frame.assign(lower=values - 0.1, upper=values + 0.1)
    ax = _order_bias._draw(frame, None, None)
    assert_readable(ax)
    assert ax.figure.get_figwidth() == pytest.approx(3.03)


@pytest.mark.parametrize("kind", list(DRAW))
def test_axes_that_are_given_are_drawn_on(curves, kind):
    figure, (left, _) = plt.subplots(1, 2, figsize=(6.3, 2.6), layout="constrained")
    assert DRAW[kind](copies(curves[kind], 1), left) is left
    figure.canvas.draw()
    assert left.get_xlabel()


def test_panels_that_do_not_fit_into_axes_are_refused(curves):
    _, ax = plt.subplots(figsize=(3, 2))
    with pytest.raises(metaeval.MetaevalError, match=r"rows of panels do not fit .* omit ax="):
        DRAW["reliability"](copies(curves["reliability"], 12), ax)


def test_panels_fit_into_axes_that_are_large_enough(curves):
    _, ax = plt.subplots(figsize=(6, 5), layout="constrained")
    assert DRAW["tie_curve"](copies(curves["tie_curve"], 6), ax) is ax
    assert len(ax.child_axes) == 6
