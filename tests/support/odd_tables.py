"""A table whose scorers are odd in every way."""

import numpy as np
import pandas as pd

from metaeval import Pairs

SCORERS = ("chance", "constant", "good", "perfect", "reversed")


def odd_pairs(seed=0, sizes=(60, 60, 5)):
    """Pairs, one for each item, judged by scorers that are odd in every way; ties among labels."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    quality = rng.normal(size=n) * 1.5
    label = np.where(np.abs(quality) < 0.6, 0.0, np.sign(quality))
    scores = {
        "chance": rng.normal(size=n),
        "constant": np.zeros(n),
        "good": quality + rng.normal(size=n),
        "perfect": label * rng.uniform(0.5, 2, n),
        "reversed": -quality + rng.normal(size=n),
    }
    rows = pd.DataFrame(
        {
            "task": np.repeat(["big", "middle", "tiny"], sizes),
            "item": [f"i{i:03d}" for i in range(n)],
            "first": "a",
            "second": "b",
        }
    )
    return Pairs(rows, pd.DataFrame(scores), pd.DataFrame({"human": label}))
