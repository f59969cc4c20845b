"""The exception raised for invalid data or arguments, and one subclass of it."""

from metaeval.core.printable_text import printable, shortened


class MetaevalError(ValueError):
    """The data or the arguments are invalid; the message says how to fix them.

    Invisible characters are shown as code points, and long messages are shortened.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(shortened(printable(message)))


class UndefinedError(MetaevalError):
    """A statistic is undefined for a scorer, for example because it is constant."""
