"""What all tests share: Hypothesis runs the same examples every time, without a clock."""

import gc
import os
import pickle
import signal

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies

settings.register_profile(
    "metaeval",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=20,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("metaeval")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in jobs that a shell runs in background
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Files that take long start first, so that the workers end together; those that use `trees` apart
# from each other, so that one worker has fitted them when another asks for them.
LONG = (
    *("test_readme", "test_model_plots", "test_streams", "test_main", "test_twins"),
    *("test_verbs", "test_published_tests", "test_from_json", "test_odd_designs"),
    *("test_row_order", "test_swap_references", "test_coverage", "test_jax_kernels"),
    *("test_pair_covariates", "test_covariate_bins", "test_shared_items", "test_paper_figures"),
    *("test_curve_plots", "test_soft_accuracy", "test_notebooks", "test_benchmarks"),
    *("test_writing", "test_fitting", "test_kills"),
)


def pytest_configure(config):
    """Let pytest-xdist keep this order; by default files with few tests come last."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    """Start with the files that take longest."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


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
def trees(table, tmp_path_factory):
    """A posterior of each model of scores and labels, fitted once, by one worker for all."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return fitted_trees(table)
    kept = tmp_path_factory.getbasetemp().parent / "trees.pickle"
    if kept.exists():
        return pickle.loads(kept.read_bytes())
    trees = fitted_trees(table)
    draft = kept.with_suffix(f".{os.getpid()}")
    draft.write_bytes(pickle.dumps(trees))
    draft.replace(kept)
    return trees


def fitted_trees(table):
    from metaeval import bayes

    return {
        "accuracy": bayes.fit(bayes.AccuracyModel(statistic="pairwise_accuracy"), table, seed=1),
        "ties": bayes.fit("ties", table, seed=1, n_draws=1000),
        "calibration": bayes.fit("calibration", table, seed=1, n_draws=1000),
    }
