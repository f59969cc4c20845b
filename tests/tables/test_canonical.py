"""Scores in float32 and float16: read as the decimals they stand for, so that thresholds tie."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import metaeval as me
from metaeval import Responses
from metaeval.statistics import pairwise_accuracy, tie_calibrated_accuracy
from metaeval.tables.canonical import numbers

TYPES = ["float32", "Float32", "float[pyarrow]", "float16"]


def read(values, dtype):
    frame = pd.DataFrame({"m": pd.Series(values, dtype=dtype)})
    return numbers(frame, what="scores")["m"].to_numpy()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("digits", [1, 2])
def test_decimals_come_back_as_they_were_written(dtype, digits):
    values = np.arange(-40, 41) / 10.0**digits
    np.testing.assert_array_equal(read(values, dtype), values)
    missing = read([0.3, None, 2.0], dtype)
    np.testing.assert_array_equal(missing, [0.3, np.nan, 2.0])


@given(st.lists(st.integers(-999_999, 999_999), min_size=1), st.integers(0, 8))
def test_six_digits_survive_float32_and_doubles_made_of_it(digits, places):
    values = np.array([float(f"{d}e-{places}") for d in digits])
    slow = np.array([float(str(v)) for v in values.astype(np.float32)])
    np.testing.assert_array_equal(slow, values)
    np.testing.assert_array_equal(read(values.astype(np.float32), "float32"), slow)
    np.testing.assert_array_equal(read(values, "float64"), values)


def test_doubles_that_went_through_float32_are_decimals_too():
    values = np.arange(1, 50) / 10
    np.testing.assert_array_equal(read(values.astype(np.float32), "float64"), values)
    for exact in (np.arange(50) / 8, np.arange(50.0), values, np.array([2.0**40, 1e30])):
        np.testing.assert_array_equal(read(exact, "float64"), exact)


def graded(dtype):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 6, 240)
    scores = np.clip(labels + rng.integers(-2, 3, 240), 0, 9) / 10
    rows = pd.DataFrame({"item": np.repeat(np.arange(60), 4), "system": list("abcd") * 60})
    frames = (pd.DataFrame({n: v}, dtype=dtype) for n, v in (("m", scores), ("h", labels / 10)))
    return Responses(rows, *frames, label_epsilon=0.1)


def test_thresholds_tie_the_same_in_float32_and_float64():
    short, long = graded("float32"), graded("float64")
    assert short.fingerprint == long.fingerprint
    wanted = [pairwise_accuracy("acc-eq", epsilon=e) for e in (0.1, 0.2)]
    for table in (short.pairs(), long.pairs()):
        assert len(np.unique(np.abs(table.scores["m"]))) <= 10
    values = [
        me.evaluate(t, [*wanted, tie_calibrated_accuracy()], n_resamples=100).frame["estimate"]
        for t in (short, long)
    ]
    np.testing.assert_array_equal(*values)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_that_a_model_computed_are_left_as_they_are(dtype):
    """Numbers of 16 bits, as reward models give them: fractions of a power of two, not decimals."""
    values = np.random.default_rng(0).normal(size=200).astype("float32").view("uint32")
    computed = (values & np.uint32(0xFFFF0000)).view("float32").astype(dtype)
    rows = pd.DataFrame({"item": np.arange(200), "system": "a"})
    table = Responses(rows, pd.DataFrame({"rm": computed}), pd.DataFrame(index=rows.index))
    assert table.scores["rm"].tolist() == computed.astype(float).tolist()
