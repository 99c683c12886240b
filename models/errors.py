"""Everything that the project raises on purpose, under one root."""


class HotlineError(Exception):
    """Something that a person can mend; its message is one line that says what to do."""
