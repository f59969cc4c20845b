"""The only exception that a user of metaeval can cause, and one kind of it."""


class MetaevalError(ValueError):
    """Something in the data or the arguments is not usable; the message names the cure."""


class UndefinedError(MetaevalError):
    """A statistic has no value for a scorer, such as a constant one; others may have one."""
