"""The only exception that a user of metaeval can cause, and one kind of it."""

from metaeval.core.printable_text import printable, shortened


class MetaevalError(ValueError):
    """Something in the data or the arguments is not usable; the message names the cure.

    Hidden characters of names in it are shown by their number, and what is too long to read is cut.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(shortened(printable(message)))


class UndefinedError(MetaevalError):
    """A statistic has no value for a scorer, such as a constant one; others may have one."""
