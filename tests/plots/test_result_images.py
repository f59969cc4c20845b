"""Pictures of figures, beside those that were looked at."""

import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import compared, pairs, posterior
from matplotlib.testing.compare import compare_images

import metaeval as me
from metaeval import plots

mpl.use("Agg")
BASELINE = Path(__file__).parent / "baseline"
pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11) or mpl.__version_info__ < (3, 11),
    reason="pictures are kept of one interpreter, Python 3.11, and of Matplotlib 3.11 or newer",
)


def ranks():
    counts = np.random.default_rng(0).multinomial(300, np.full(20, 1 / 20), size=4)
    frame = pd.DataFrame(counts, columns=range(20))
    return frame.assign(model=np.repeat(["one", "two"], 2), quantity=list("xy") * 2)


def many_tasks(tree):
    alone = me.evaluate(pairs(4, False), "pairwise_accuracy", by="task", n_resamples=200)
    pooled = posterior(tree, 4, long=False)
    own = pooled.frame[pooled.frame["baseline"].isna()]
    parts = [pooled.frame, *(own.assign(task=t) for t in ("chat", "law", "news"))]
    return plots.shrinkage(alone, type(pooled)(pd.concat(parts), None, pooled.meta))


DRAW = {
    "forest": lambda tree: plots.forest(compared(6)),
    "rank_intervals": lambda tree: plots.rank_intervals(compared(8, long=False)),
    "cd_diagram": lambda tree: plots.cd_diagram(compared(8, long=False)),
    "significance_matrix": lambda tree: plots.significance_matrix(compared(6, long=False)),
    "posterior_intervals": lambda tree: plots.posterior_intervals(posterior(tree, 5, long=False)),
    "shrinkage": many_tasks,
    "sbc_ranks": lambda tree: plots.sbc_ranks(ranks()),
    "coverage": lambda tree: plots.coverage(
        pd.DataFrame({"label": ["bca", "t", "wilson"], "covered": [930, 947, 1000], "sets": 1000})
    ),
}


@pytest.mark.parametrize("name", DRAW)
def test_pictures_are_as_they_were(name, trees, tmp_path):
    drawn_again = tmp_path / f"{name}.png"
    with me.style("acl"):
        drawn = DRAW[name](trees["accuracy"])
        figure = (drawn.flat[0] if isinstance(drawn, np.ndarray) else drawn).figure
        figure.savefig(drawn_again, dpi=100)
    plt.close(figure)
    assert compare_images(str(BASELINE / f"{name}.png"), str(drawn_again), tol=2) is None
