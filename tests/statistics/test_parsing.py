"""Texts that name statistics: those of the package, and never code that runs unasked."""

import sys
import types

import pytest

import metaeval as me
from metaeval import MetaevalError, statistic_maker
from metaeval.statistics import parse_statistics


@pytest.fixture
def module(monkeypatch):
    """A module of a user, with makers that are marked and things that are not."""
    found, called = types.ModuleType("own_statistics"), []

    @statistic_maker
    def marked(variant="b"):
        return me.statistics.kendall(variant=variant)

    def unmarked(**given):
        called.append(given)
        return me.statistics.pearson()

    @statistic_maker
    def wrong():
        return 3

    found.marked, found.unmarked, found.wrong = marked, unmarked, wrong
    found.ready, found.called = me.statistics.pearson(), called
    monkeypatch.setitem(sys.modules, "own_statistics", found)
    return found


ATTACKS = (
    "os:system(command='touch {path}')",
    "subprocess:getoutput(cmd='touch {path}')",
    "builtins:exit(code=7)",
    "builtins:eval(source=1)",
    "pathlib:Path",
    "own_statistics:unmarked(x=1)",
    "own_statistics:called",
)


@pytest.mark.parametrize("text", ATTACKS)
@pytest.mark.parametrize("allowed", [False, True])
def test_no_text_runs_code(text, allowed, module, tmp_path):
    path = tmp_path / "touched"
    with pytest.raises(MetaevalError):
        parse_statistics(text.format(path=path), allow_import=allowed)
    assert not path.exists() and not module.called


@pytest.mark.parametrize("text", ["own_statistics:marked", "own_statistics:ready"])
def test_modules_are_refused_in_python_and_without_the_switch(text, module):
    with pytest.raises(MetaevalError, match="--allow-import"):
        parse_statistics(text)
    with pytest.raises(MetaevalError, match="pass the Statistic"):
        me.evaluate(me.load_example(), text)


def test_marked_makers_and_ready_statistics_are_taken_where_that_is_allowed(module):
    names = [
        parse_statistics(text, allow_import=True)[0].name
        for text in ("own_statistics:marked(variant=c)", "own_statistics:ready")
    ]
    assert names == [me.statistics.kendall(variant="c").name, "pearson"]
    with pytest.raises(MetaevalError, match="returns a int, not a Statistic"):
        parse_statistics("own_statistics:wrong", allow_import=True)


@pytest.mark.parametrize(
    "text",
    [
        *("kendall(variant={[]:1})", ".:x", ":", "a:", "brier(positive_from=" + "9" * 400 + ")"),
        *("brier(positive_from=" + "9" * 5000 + ")", "kendall(variant=" + "(" * 500, "kendall(\0)"),
        *("kendall(variant=[])", "kendall(variant={1: 2})", "kendall(variant=1j)", "kendall(**{})"),
        *("kendall(variant='b', variant='c')", "kendall('b')", "kendall(variant=f())", "kendall)("),
        *("kendall(variant='\\d', x=1 is 1)", "kendall(variant=" + "-" * 3000 + "1)", "kendall(x)"),
        *("kendall(variant=b)+pearson()", "kendall(variant=b'x')", "kendall(variant=...)"),
        *(
            "brier(positive_from=1e999)",
            "tie_calibrated_accuracy(n_folds='x')",
            "(",
            "()",
            "\ud800",
        ),
    ],
)
@pytest.mark.parametrize("allowed", [False, True])
def test_what_cannot_be_read_is_one_sentence(text, allowed):
    with pytest.raises(MetaevalError) as error:
        parse_statistics(text, allow_import=allowed)
    assert "\n" not in str(error.value) and len(str(error.value)) < 2_100
