"""What `help` shows: every parameter of the public face is named, typed and documented."""

import importlib
import inspect
import re
from types import FunctionType

import pytest

from metaeval.cli import cli

MODULES = (
    *("metaeval", "metaeval.statistics", "metaeval.calibration", "metaeval.plots"),
    "metaeval.readers",  # metaeval.bayes is yet to come
)

# Keywords that are names of columns, which no signature can list.
STARRED = {"Responses.select", "Pairs.select"}

# At most so many parameters, but for the verbs, readers, and what hands on their arguments.
MOST = 12
VERBS = {"compare", "evaluate", "gate", "report"}
READERS = {"read", "read_scores", "read_preferences", "read_mtme", "read_best_of_n"}
MORE = {
    "Responses.replace": 14,  # one for each field of a table
    "Pairs.replace": 14,
    "power_by_simulation": 13,
    "calibration.gap_to_agreement": 13,
    "plots.gap_to_agreement": 13,
    "plots.order_bias": 13,
    "plots.tie_curve": 14,
    "plots.tie_policies": 15,
}


def members(module):
    """Public functions and methods of a module, by module and name."""
    found = {}
    for name in importlib.import_module(module).__all__:
        value = getattr(importlib.import_module(module), name)
        called = f"{module}.{name}".removeprefix("metaeval.").removeprefix("readers.")
        if isinstance(value, FunctionType):
            found[called] = value
        elif inspect.isclass(value) and value.__module__.startswith("metaeval"):
            found |= {f"{called}.{method}": taken for method, taken in methods(value).items()}
    return found


def methods(kind):
    """Public methods of a class and of its bases in the package; fields are none."""
    found = {}
    for base in (b for b in kind.__mro__ if b.__module__.startswith("metaeval")):
        for name, value in vars(base).items():
            value = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            is_field = name in getattr(kind, "__dataclass_fields__", ())
            if isinstance(value, FunctionType) and name[0] != "_" and not is_field:
                found.setdefault(name, []).append(value)
    return found


FACE = {
    name: value if isinstance(value, list) else [value]
    for module in MODULES
    for name, value in members(module).items()
}


def parameters(function):
    taken = inspect.signature(function).parameters.values()
    return [p for p in taken if p.name not in ("self", "cls")]


def entries(function):
    """Names of which the section of parameters of a docstring has an entry."""
    text = inspect.getdoc(function) or ""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^[A-Z]\w+\n-+\n|\Z)", text, re.M | re.S)
    lines = section[1].splitlines() if section else []
    heads = [line.split(" :")[0] for line in lines if line and not line.startswith(" ")]
    return {name.strip().lstrip("*") for head in heads for name in head.split(",")}


@pytest.mark.parametrize("name", FACE)
def test_parameters_are_named_typed_and_documented(name):
    function, *overridden = FACE[name]
    described = set().union(*(entries(each) for each in (function, *overridden)))
    for parameter in parameters(function):
        assert parameter.kind != parameter.VAR_KEYWORD or name in STARRED, parameter
        assert parameter.annotation not in (parameter.empty, "Any", "Any | None"), parameter
        assert parameter.name in described, parameter


@pytest.mark.parametrize("name", FACE)
def test_parameters_are_few(name):
    if name not in VERBS | READERS:
        assert len(parameters(FACE[name][0])) <= MORE.get(name, MOST)


def test_exceptions_are_still_needed():
    assert {name: len(parameters(FACE[name][0])) for name in MORE} == MORE
    assert set(FACE) >= STARRED | VERBS | READERS


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        *(("read", name) for name in sorted(READERS - {"read"})),
        *(("compare", name) for name in ("evaluate", "gate", "report")),
    ],
)
def test_what_is_handed_on_has_the_same_default(whole, part):
    given = {p.name: p.default for p in parameters(FACE[whole][0])}
    other = {
        "read_best_of_n": ["label_kind"],
        # a gate is met only if a test of another kind agrees with the t interval
        "gate": ["baseline", "superiority_margin", "non_inferiority_margin", "test"],
    }.get(part, [])
    shared = [p for p in parameters(FACE[part][0]) if p.name in given and p.name not in other]
    assert len(shared) > 8
    assert {p.name: p.default for p in shared} == {p.name: given[p.name] for p in shared}


@pytest.mark.parametrize("command", cli.commands)
def test_every_option_of_the_command_line_has_help(command):
    options = [p for p in cli.commands[command].params if p.param_type_name == "option"]
    assert options and all(option.help for option in options)
