"""Who may import whom, what stays unloaded, and that every public name is documented."""

import ast
import functools
import importlib
import inspect
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import metaeval
import metaeval.bayes
import metaeval.calibration
import metaeval.plots
import metaeval.statistics

ROOT = Path(metaeval.__file__).parent
REPOSITORY = Path(__file__).parents[1]
PAGE = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")

FLOORS = (
    ("core",),
    ("resampling", "curves", "tables"),
    ("statistics", "results", "simulation", "readers"),
    ("inference",),
    ("planning", "calibration", "bayes"),
    ("plots",),
    ("reporting",),
    ("cli",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
GROUND = {"version": -1}  # a module, not a room, that imports nothing
BY_MODULE = ("bayes", "plots")  # loading all of them takes seconds, so their modules are named
LOADS_JAX = "resampling.jax_kernels"
LATE = ("jax", "numpyro", "arviz", "matplotlib", "seaborn", "scipy.stats", "scipy.special")
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if path != ROOT / "__init__.py"
)


def path_of(module):
    path = ROOT.joinpath(*module.split(".")) if module else ROOT
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def exists(module):
    return path_of(module).exists()


def imported(node):
    """Modules and names of the package that one statement imports, as (module, name or None)."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
        return [(n.removeprefix("metaeval."), None) for n in names if n.startswith("metaeval.")]
    if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] != "metaeval":
        return []
    module = node.module.partition(".")[2]
    return [(module, alias.name) for alias in node.names]


def statements(module, at_module_level=False):
    """Import statements of a module; inside functions too, but not for type checks only."""
    found, todo = [], [ast.parse(path_of(module).read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
        elif not (at_module_level and isinstance(node, ast.FunctionDef | ast.Lambda)):
            found += [node] if isinstance(node, ast.Import | ast.ImportFrom) else []
            todo += ast.iter_child_nodes(node)
    return found


def imports(module):
    return [pair for node in statements(module) for pair in imported(node)]


def room_of(module):
    return module.split(".")[0]


def rooms_entered(module):
    """Other rooms from which a module imports."""
    targets = (source or str(name) for source, name in imports(module))
    return {room_of(t) for t in targets if exists(room_of(t))} - {room_of(module)}


@functools.cache
def reexported(package):
    """Names that the `__init__` of a package takes from its modules, and from which."""
    pairs = imports(package) if path_of(package).name == "__init__.py" else []
    return {name: source for source, name in pairs if name}


def needed(module):
    """Modules whose code an import needs, through the names that a package re-exports."""
    for source, name in imports(module):
        full = f"{source}.{name}".strip(".")
        if name and exists(full):
            yield full
        elif source and path_of(source).name == "__init__.py":
            yield reexported(source).get(name, source)
        elif source:
            yield source


def test_the_parser_sees_imports_of_every_form():
    code = "import metaeval.a.b\nfrom metaeval import c\nfrom metaeval.d import e\nimport os"
    found = [pair for node in ast.parse(code).body for pair in imported(node)]
    assert found == [("a.b", None), ("", "c"), ("d", "e")]
    assert ("rich.progress" in ast.unparse(statements("core.progress"))) is True
    late = ast.unparse(statements("core.progress", at_module_level=True))
    assert "rich.progress" not in late


def test_five_files_at_most_lie_in_the_root():
    assert len([path for path in ROOT.iterdir() if path.is_file()]) <= 5


def test_every_room_has_a_floor():
    assert {room_of(m) for m in MODULES if "." in m} == set(FLOOR)


def test_the_page_of_the_architecture_draws_these_floors():
    drawn = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0].splitlines()
    floors = [set(line.split()) for line in drawn if line.strip(" |")]
    assert floors == [set(rooms) for rooms in reversed(FLOORS)]


def test_the_page_of_the_architecture_says_what_each_room_answers():
    rooms = re.findall(r"^\| `(\w+)` \| \w", PAGE, re.MULTILINE)
    assert len(rooms) == len(FLOOR)
    assert [FLOOR[room] for room in rooms] == sorted(FLOOR.values(), reverse=True)


def test_files_and_figures_that_the_page_of_the_architecture_names_are_there():
    paths = re.findall(r"`((?:metaeval|tests)/[^`]*)`", PAGE)
    assert len(paths) > 10
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []
    last = re.findall(r"^\| .* \| `tests/[^`]*` \| (.*) \|$", PAGE, re.MULTILINE)
    figures = re.findall(r"`(\w+)`", " ".join(last))
    assert figures
    assert set(figures) <= set(metaeval.plots.__all__)


@pytest.mark.parametrize("module", [m for m in MODULES if "." in m])
def test_no_module_imports_upward_or_sideways(module):
    room = room_of(module)
    floors = FLOOR | GROUND
    above = {other for other in rooms_entered(module) if floors[other] >= floors[room]}
    assert not above, f"{module} imports {sorted(above)}"


@pytest.mark.parametrize("module", MODULES)
def test_a_room_is_entered_by_its_door(module):
    """Names of another room come from its `__init__`, so that its modules can move."""
    inner = {
        source
        for source, name in imports(module)
        if "." in source
        and room_of(source) != room_of(module)
        and room_of(source) not in BY_MODULE
        and source != LOADS_JAX
    }
    assert not inner or module in ("", "__main__"), f"{module} reaches into {sorted(inner)}"


def test_no_module_needs_itself():
    graph = {module: set(needed(module)) - {module} for module in MODULES}
    graph = {m: {n for n in others if not is_package(n)} for m, others in graph.items()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' <- '.join(error.args[1])}")


def is_package(module):
    return path_of(module).name == "__init__.py"


def loaded_late(module):
    """Modules that only load when a function of theirs is called."""
    if room_of(module) in ("plots", "reporting"):
        return True
    return module == LOADS_JAX or module.startswith("bayes.")


@pytest.mark.parametrize("module", [m for m in MODULES if not loaded_late(m)])
def test_slow_packages_are_never_imported_at_module_level(module):
    names = {
        name
        for node in statements(module, at_module_level=True)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        )
    }
    assert not [n for n in names if any(n == late or n.startswith(f"{late}.") for late in LATE)]


@pytest.mark.parametrize("package", [m for m in MODULES if is_package(m)])
def test_no_module_has_the_name_of_a_public_function(package):
    home = importlib.import_module(f"metaeval.{package}")
    own = {m.rpartition(".")[2] for m in MODULES if m.rpartition(".")[0] == package}
    assert not set(getattr(home, "__all__", ())) & own


@pytest.mark.parametrize("package", [m for m in MODULES if is_package(m)])
def test_each_room_says_what_its_modules_do(package):
    text = ast.get_docstring(ast.parse(path_of(package).read_text(encoding="utf-8"))) or ""
    inside = [m.rpartition(".")[2] for m in MODULES if m.rpartition(".")[0] == package]
    assert [name for name in inside if f"`{name}`" not in text] == []


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
