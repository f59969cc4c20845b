"""What all tests share: Hypothesis runs the same examples every time, without a clock."""

import gc
import signal

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies

settings.register_profile(
    "metaeval",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=30,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("metaeval")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in jobs that a shell runs in background
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish():
    """Leave what imports made out of garbage collections, which would go through it every time.

    Hypothesis sets itself up first: later, it would not find what refers to its own objects.
    """
    given(strategies.none())(lambda _: None)()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def table():
    from odd_tables import odd_pairs

    return odd_pairs()


@pytest.fixture(scope="session")
def trees(table):
    """A posterior of each model of scores and labels, fitted once."""
    from metaeval import bayes

    return {
        "accuracy": bayes.fit(bayes.AccuracyModel(statistic="pairwise_accuracy"), table, seed=1),
        "ties": bayes.fit("ties", table, seed=1, n_draws=1000),
        "calibration": bayes.fit("calibration", table, seed=1, n_draws=1000),
    }
