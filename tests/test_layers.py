"""Who may import whom, what stays unloaded, and that every public name is documented."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import metaeval
import metaeval.bayes
import metaeval.calibration
import metaeval.plots
import metaeval.statistics

ROOT = Path(metaeval.__file__).parent

LAYERS = {
    0: (
        *("errors", "checks", "arrays", "files", "progress", "multiplicity"),
        *("printing", "spreadsheets", "compile_cache"),
        *("closed_forms", "power"),
        *("intervals", "canonical", "decimals", "keyed", "turning", "sharing", "threefry"),
        *("draws", "exact", "kernels", "resampling", "flips"),
        *("studentise", "maxt", "samples"),
        *("decomposition", "smoothing", "priors", "links", "maps", "logistic"),
        *("binning", "honest", "selection"),
    ),
    1: (
        *("base_table", "changing"),
        "tables",
        "pairing",
        "alignment",
        "plausibility",
        *("result", "result_json"),
        "export",
        "wording",
        "terminal",
        "signature",
        "ranking",
    ),
    2: ("readers", "statistics", "simulation", "truth", "datasets", "naming"),
    3: (
        "prepare",
        "measure",
        "plan",
        "testing",
        "replicas",
        "swaps",
        "evaluated_swaps",
        "levels",
        "planning",
        "validity",
        "averaging",
        "missing",
        "comparisons",
        "assembling",
        "choosing",
        "inference",
        "undefined",
        "gating",
        "demonstration",
        "calibration",
        "bayes",
    ),
    4: ("plots",),
    5: ("reporting",),
    6: (
        "cli",
        "cli_options",
        "cli_fit",
        "cli_gate",
        "cli_group",
        "cli_report",
        "__main__",
        "__init__",
    ),
}
LAYER = {name: layer for layer, names in LAYERS.items() for name in names}
LATE = ("jax", "numpyro", "arviz", "matplotlib", "seaborn", "scipy.stats", "scipy.special")
MODULES = sorted(p.relative_to(ROOT).with_suffix("").as_posix() for p in ROOT.rglob("*.py"))


def imported(node, package):
    """Modules that one import statement names, and those that its names might be."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        above = package[: len(package) - node.level + 1]
        base = ".".join(["metaeval", *above, *([base] if base else [])])
    return [base, *(f"{base}.{alias.name}" for alias in node.names)]


def imports(module, at_module_level=False):
    """Everything that a module imports; inside functions too, but not for type checks only."""
    tree = ast.parse((ROOT / f"{module}.py").read_text(encoding="utf-8"))
    package = module.split("/")[:-1]
    found, todo = [], [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
            continue
        if at_module_level and isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        ):
            continue
        found += imported(node, package)
        todo += ast.iter_child_nodes(node)
    return found


def own(names):
    """First part of the names of the package's own modules."""
    parts = [name.split(".") for name in names]
    there = {p[1] for p in parts if p[0] == "metaeval" and len(p) > 1}
    return {name for name in there if name in LAYER or (ROOT / f"{name}.py").exists()}


def top(module):
    return module.split("/")[0]


def test_the_parser_sees_imports_of_every_form():
    tree = ast.parse("import a.b\nfrom . import c\nfrom .d import e\nfrom metaeval import f")
    found = [name for node in tree.body for name in imported(node, ["readers"])]
    assert found == [
        *("a.b", "metaeval.readers", "metaeval.readers.c", "metaeval.readers.d"),
        *("metaeval.readers.d.e", "metaeval", "metaeval.f"),
    ]
    assert "rich.progress" in imports("progress")
    assert "rich.progress" not in imports("progress", at_module_level=True)


def test_every_module_has_a_layer():
    unplaced = {top(module) for module in MODULES} - set(LAYER)
    assert not unplaced, f"say in LAYERS where {sorted(unplaced)} belong"


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_upward(module):
    layer = LAYER.get(top(module), 6)
    upward = {name for name in own(imports(module)) if LAYER.get(name, 0) > layer}
    assert not upward, f"{module} (layer {layer}) imports {sorted(upward)}"


@pytest.mark.parametrize("module", [m for m in MODULES if top(m) in ("readers", "statistics")])
def test_readers_and_statistics_do_not_know_each_other(module):
    other = {"readers": "statistics", "statistics": "readers"}[top(module)]
    assert other not in own(imports(module))


@pytest.mark.parametrize("module", ["inference", "calibration"])
def test_models_and_resampling_do_not_know_each_other(module):
    found = {name for m in MODULES if top(m) == "bayes" for name in own(imports(m))}
    assert module not in found
    assert "bayes" not in {name for m in MODULES if top(m) == module for name in own(imports(m))}


def loaded_late(module):
    """Modules that only load when a function of theirs is called."""
    if top(module) in ("plots", "reporting"):
        return True
    return module == "kernels" or (module.startswith("bayes/") and module != "bayes/__init__")


@pytest.mark.parametrize("module", [m for m in MODULES if not loaded_late(m)])
def test_slow_packages_are_never_imported_at_module_level(module):
    found = [
        name
        for name in imports(module, at_module_level=True)
        if any(name == late or name.startswith(f"{late}.") for late in LATE)
    ]
    assert not found


@pytest.mark.parametrize("package", ["", "statistics", "calibration", "bayes", "plots"])
def test_no_module_has_the_name_of_a_public_function(package):
    home = importlib.import_module(f"metaeval.{package}" if package else "metaeval")
    own = {m.rsplit("/", 1)[-1] for m in MODULES if m.rpartition("/")[0] == package}
    assert not set(home.__all__) & own


def loaded_after(code):
    """Modules that are loaded in a fresh interpreter once `code` has run."""
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_importing_the_package_loads_nothing_slow():
    assert not loaded_after("import metaeval") & set(LATE)


def test_comparing_does_not_load_jax():
    code = "import metaeval; metaeval.compare(metaeval.load_example(), n_resamples=200)"
    loaded = loaded_after(code)
    assert "metaeval.inference.verbs" in loaded
    assert "jax" not in loaded


@pytest.mark.parametrize("name", metaeval.__all__)
def test_public_names_resolve(name):
    assert getattr(metaeval, name) is not None
    assert name in dir(metaeval)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'comapre'"):
        _ = metaeval.comapre


PUBLIC = [
    (module, name)
    for module in (
        *("metaeval", "metaeval.statistics", "metaeval.calibration", "metaeval.bayes"),
        "metaeval.plots",
    )
    for name in importlib.import_module(module).__all__
]


def documented(value):
    """Docstrings of a public function, or of a class and its public methods."""
    methods = [m for n, m in vars(value).items() if n[0] != "_"] if inspect.isclass(value) else []
    return [inspect.getdoc(value) or "", *(inspect.getdoc(m) or "" for m in methods)]


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_public_functions_and_classes_are_documented(module, name):
    value = getattr(importlib.import_module(module), name)
    assert documented(value)[0] or not callable(value)


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_public_functions_say_what_they_take_and_return(module, name):
    value = getattr(importlib.import_module(module), name)
    if not inspect.isfunction(value):
        return
    text = documented(value)[0]
    taken = list(inspect.signature(value).parameters)
    described = text.split("Parameters\n---", 1)[-1].split("Returns\n---")[0]
    assert all(parameter in described for parameter in taken)
    assert "Parameters\n---" in text or not taken
    assert "Returns\n---" in text or text.startswith("Return ")


@pytest.mark.parametrize("name", metaeval.statistics.__all__)
def test_statistics_have_an_example(name):
    value = getattr(metaeval.statistics, name)
    assert not callable(value) or any(">>> " in text for text in documented(value))
