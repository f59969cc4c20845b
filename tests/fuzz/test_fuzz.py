"""A short attack on everything that reads, and the harness itself, which must be able to fail."""

import time

import pytest

from metaeval.core import MetaevalError
from metaeval.readers import dispatch

from . import guard, running
from .targets import TARGETS

EXECUTIONS = 40


@pytest.mark.parametrize("name", list(TARGETS))
def test_a_short_attack_finds_nothing(name):
    report = running.attack(name, TARGETS[name], executions=EXECUTIONS)
    assert report.executions == EXECUTIONS
    assert not report.found, "\n".join(report.lines())


def test_a_planted_fault_is_found(monkeypatch):
    plain = dispatch.merge

    def faulty(parts, keys, only):
        made = plain(parts, keys, only)
        return made if len(made.rows) != 4 else {}[len(made.rows)]

    monkeypatch.setattr(dispatch, "merge", faulty)
    report = running.attack("csv", TARGETS["csv"], executions=200)
    [(place, (case, _, n))] = report.found.items()
    assert place.startswith("KeyError") and n == report.counts["crash"] > 0
    with pytest.raises(KeyError):
        TARGETS["csv"].run(case)


def test_equal_seeds_make_equal_cases():
    counts = [
        running.attack("json", TARGETS["json"], executions=60, seed=s).counts for s in (3, 3, 4)
    ]
    assert counts[0] == counts[1] != counts[2]


def refused():
    raise MetaevalError("no")


def warned():
    import warnings

    warnings.warn("careless", UserWarning, stacklevel=1)


class Careless:
    def __del__(self):
        raise ValueError("late")


def slept():
    end = time.process_time() + 1
    while time.process_time() < end:
        pass


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        (lambda: None, "accepted"),
        (refused, "refused"),
        (lambda: 1 / 0, "crash"),
        (warned, "crash"),
        (Careless, "crash"),
        (slept, "hang"),
        (lambda: bytearray(b"x") * (300 << 20), "memory"),
    ],
)
def test_each_outcome_is_told(action, kind, monkeypatch):
    monkeypatch.setattr(guard, "SECONDS", 0.2)
    with guard.limits():
        assert guard.guarded(action, 10).kind == kind
        assert guard.guarded(lambda: None, 10).kind == "accepted"
