"""Values of calibration statistics by name, without resampling."""

from metaeval.statistics import BY_NAME


def settled(name, table, **options):
    return BY_NAME[name](**options).settled(table)


def value(name, table, **options):
    """The value of a statistic, without resampling."""
    return settled(name, table, **options).value(table)[0]
