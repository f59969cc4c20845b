"""The public face of `metaeval.bayes`: every argument is spelled out, typed and documented."""

import dataclasses
import inspect
import re
import typing

import pytest

from metaeval import MetaevalError, bayes
from metaeval.bayes.fitting import MODELS

PUBLIC = [getattr(bayes, name) for name in bayes.__all__]
MODEL_CLASSES = list(MODELS.values())
MOST = 13  # parameters, but for `fit`: those of `metaeval.evaluate`, and a few


def described(value):
    """Names that a docstring lists under Parameters."""
    text = inspect.getdoc(value).partition("Parameters\n---")[2]
    section = re.split(r"\n\n\w+\n---", text)[0]
    heads = re.findall(r"^(\w[^\n:]*?)(?: : .*)?$", section, flags=re.MULTILINE)
    return {name for head in heads for name in head.split(", ")}


@pytest.mark.parametrize("value", PUBLIC, ids=bayes.__all__)
def test_every_argument_is_spelled_out_typed_and_documented(value):
    parameters = inspect.signature(value).parameters.values()
    assert all(p.kind is not p.VAR_KEYWORD and p.kind is not p.VAR_POSITIONAL for p in parameters)
    assert [p.name for p in parameters if p.annotation is p.empty] == []
    assert {p.name for p in parameters} <= described(value)
    assert len(parameters) <= MOST or value is bayes.fit


@pytest.mark.parametrize("model", MODEL_CLASSES, ids=MODELS)
def test_models_are_frozen_and_take_keywords_only(model):
    fields = dataclasses.fields(model)
    assert all(field.kw_only for field in fields)
    assert set(described(model)) == {field.name for field in fields}
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(model(), fields[0].name, None)
    assert model() == model()
    assert typing.get_type_hints(model)  # they can be resolved


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: bayes.TieModel(form="davidsn"), "form='davidsn' is not one of.*Did you mean 'd"),
        (lambda: bayes.CalibrationModel(scale="probit"), "scale='probit' is not one of"),
        (lambda: bayes.CalibrationModel(positive_from=1), "use form='beta'"),
        (
            lambda: bayes.CalibrationModel(form="beta", covariates="x_delta"),
            "does not support covariates",
        ),
        (lambda: bayes.RaterModel(form="glad"), "form='glad' is not one of"),
        (lambda: bayes.AccuracyModel(covariates=3), "covariates=3 must be a name or a list"),
    ],
)
def test_options_that_make_no_sense_are_refused_when_a_model_is_made(make, said):
    with pytest.raises(MetaevalError, match=said):
        make()


def test_names_of_columns_may_be_given_alone_or_in_a_list():
    one, other = (bayes.TieModel(covariates=given) for given in ("x_delta", ["x_delta"]))
    assert one == other and one.covariates == ("x_delta",)


def test_a_name_a_class_and_a_model_are_the_same_model(table):
    few = {"n_chains": 1, "n_draws": 20, "check": False}
    first, *others = (
        bayes.fit(model, table, **few) for model in ("ties", bayes.TieModel, bayes.TieModel())
    )
    for tree in others:
        assert tree.attrs["signature"] == first.attrs["signature"]
        assert tree["posterior"].equals(first["posterior"])
