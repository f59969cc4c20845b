"""What stands for several raters is said as it is done."""

import numpy as np
import pandas as pd
import pytest

import metaeval as me
from metaeval import Pairs, Responses
from metaeval.inference import make_design
from metaeval.statistics import soft_pairwise_accuracy


def preferences(values):
    n = len(values)
    rows = pd.DataFrame({"item": range(n), "first": "a", "second": "b"})
    labels = pd.DataFrame(values, columns=["h1", "h2", "h3"])
    scores = pd.DataFrame({"m": np.arange(n) - 1.5, "k": np.arange(n) - 2.5})
    return Pairs(rows, scores, labels, average_raters=True)


@pytest.mark.parametrize(
    ("values", "name", "combined"),
    [
        ([[1, 1, -1], [1, 0, -1], [0, 0, 1], [-1, -1, 0]], "plurality of 3 raters", [1, 0, 0, -1]),
        (
            [[0.6, 0.2, -1], [0.5, 1, 1], [0.5, 0, 0], [-0.5, -1, 0]],
            "sign of the mean of 3 raters",
            [-1, 1, 1, -1],
        ),
    ],
)
def test_preferences(values, name, combined):
    table = preferences(values)
    ready = make_design(table)
    assert ready.label == name
    assert ready.table.labels[name].tolist() == combined
    result = me.compare(table, n_resamples=100)
    assert f"evaluated against the {name}" in result.methods_paragraph()
    assert ("has a plurality" in result.methods_paragraph()) == name.startswith("plurality")


def test_ratings():
    rows = pd.DataFrame({"item": [1, 1, 2, 2], "system": list("abab")})
    labels = pd.DataFrame({"h1": [1.0, 2, 3, 4], "h2": [1.0, 3, 2, 4]})
    table = Responses(rows, pd.DataFrame({"m": range(4)}), labels, average_raters=True)
    assert make_design(table).label == "mean of 2 raters"


@pytest.mark.parametrize("of_scores", [1e-300, 1.0, 1e297])
@pytest.mark.parametrize("of_labels", [1e-300, 1e297])
def test_soft_accuracy_does_not_depend_on_the_scale(of_scores, of_labels):
    table = me.load_example().keep_scorers(["judge", "lexical"])
    far = table.replace(scores=table.scores * of_scores, labels=table.labels * of_labels)
    soft = soft_pairwise_accuracy(n_flips=200)
    one, other = (me.evaluate(t, soft, n_resamples=100).frame for t in (table, far))
    columns = ["estimate", "lower", "upper"]
    np.testing.assert_allclose(one[columns], other[columns], atol=0.02)
