"""Values of calibration statistics by name, without resampling."""

import numpy as np

from metaeval.statistics import BY_NAME


def settled(name, table, **options):
    made = BY_NAME[name](**options)
    return made if made.resolve is None else made.resolve(table)


def value(name, table, **options):
    """The value of a statistic, without resampling."""
    made = settled(name, table, **options)
    if made.estimate is not None:
        return made.estimate(table)[0]
    if made.terms is not None:
        return made.finish(made.terms(table).sum(axis=0))[0]
    return made.weigh(table)(np.ones((1, table.n_items)))[0, 0]
