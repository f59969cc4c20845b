"""Run the command line: `metaeval` or `python -m metaeval`."""

from metaeval.cli import cli


def main() -> None:
    """Start the command line."""
    cli(prog_name="metaeval")


if __name__ == "__main__":
    main()
