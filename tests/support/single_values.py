"""Values of calibration statistics by name, without resampling."""

import dataclasses

from metaeval.statistics import BY_NAME, Forecast

FIELDS = {field.name for field in dataclasses.fields(Forecast)}


def named(name, **options):
    """A statistic by its name, fields of its forecast given beside its other options."""
    fields = {key: value for key, value in options.items() if key in FIELDS}
    rest = {key: value for key, value in options.items() if key not in FIELDS}
    return BY_NAME[name](**rest, forecast=Forecast(**fields))


def settled(name, table, **options):
    return named(name, **options).settled(table)


def value(name, table, **options):
    """The value of a statistic, without resampling."""
    return settled(name, table, **options).value(table)[0]
