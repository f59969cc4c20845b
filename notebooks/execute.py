"""Run the notebooks and store their outputs.

    $ pip install -e ".[docs]" && python notebooks/execute.py

Each NAME.py in this folder is a notebook as a script. It is run from top to bottom in a fresh
kernel, and NAME.ipynb is written with its cells and their outputs. Without names, all notebooks are
run.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


def execute(script: Path) -> None:
    """Run a script as a notebook, and write it without times, paths and versions."""
    notebook = jupytext.read(script)
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index:02}"
        cell["metadata"] = {}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook["metadata"] = nbformat.from_dict(kernel)
    client = NotebookClient(notebook, timeout=600, record_timing=False, coalesce_streams=True)
    client.execute(cwd=str(HERE))
    for cell in notebook.cells:
        cell["metadata"] = {}
    notebook["metadata"] = nbformat.from_dict(kernel | {"language_info": {"name": "python"}})
    nbformat.write(notebook, script.with_suffix(".ipynb"))


def main() -> None:
    """Run the named notebooks, or all."""
    os.environ["PYTHONWARNINGS"] = "ignore:IProgress"  # from tqdm, if Jupyter has no widgets
    names = sys.argv[1:] or sorted(p.stem for p in HERE.glob("*.py") if p != Path(__file__))
    for name in names:
        start = time.perf_counter()
        execute(HERE / f"{Path(name).stem}.py")
        print(f"{name}: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
