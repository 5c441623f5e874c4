"""How classes may be called, and the error that every refusal about labels is."""


class LabelError(ValueError):
    """A label that cannot be taken; the text is for the user."""


def check_name(name: str) -> str:
    """Return the name of a class without outer blanks, refusing what could not be told apart in a CSV."""
    name = name.strip()
    if not name or len(name) > 60 or any(sign in name for sign in ";,") or not name.isprintable():
        raise LabelError("A class needs a name of at most 60 signs, without comma and semicolon.")
    return name
