"""The two reasons why a step ends early that are not faults of the program."""


class ScienceError(Exception):
    """An error written for the user: what it is about, the cause, and what to do.

    Parameters
    ----------
    subject : str
        The file, dataset path or setting that the error is about.
    cause : str
        What is wrong with it, in plain words and without a full stop.
    remedy : str
        What the user can do, as one sentence without a full stop.
    """

    def __init__(self, subject: str, cause: str, remedy: str) -> None:
        self.subject, self.cause, self.remedy = subject, cause, remedy
        super().__init__(f"{subject}: {cause}. {remedy}.")


class SourceError(ScienceError):
    """A source file cannot be read, is not what it claims to be, or is refused by the guard."""


class RecipeError(ScienceError):
    """A recipe contradicts itself or does not fit the data."""


class TrainingError(ScienceError):
    """A training cannot go on: not enough data, or the loss is no longer a number."""


class Cancelled(Exception):
    """The caller asked the step to stop; raised by the progress callback."""
