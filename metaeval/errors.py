"""The only exception that a user of metaeval can cause."""


class MetaevalError(ValueError):
    """Something in the data or the arguments is not usable; the message names the cure."""
