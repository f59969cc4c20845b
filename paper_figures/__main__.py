"""Make the figures: python -m paper_figures [-o DIR] [NAME ...]."""

from __future__ import annotations

from pathlib import Path

import click

from metaeval.core import MetaevalError
from paper_figures import making


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option(
    "-o", "folder", type=click.Path(path_type=Path), default=making.HERE / "out",
    help="Folder to write to; by default paper_figures/out.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Use few items and resamples, as a smoke test.")
@click.option("--pictures", is_flag=True, help="Update the small images of the README, too.")
def main(names: tuple[str, ...], folder: Path, quick: bool, pictures: bool) -> None:
    """Make the named figures, or all, each as PDF, PNG, CSV and text."""
    try:
        making.make(names, folder, quick)
        if pictures:
            making.copy_pictures(names, folder)
    except MetaevalError as error:
        raise click.UsageError(str(error)) from None


if __name__ == "__main__":
    main(prog_name="python -m paper_figures")
