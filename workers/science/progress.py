"""How a step tells its caller how far it is, without knowing who calls."""

from typing import Any, Protocol


class Progress(Protocol):
    """Report progress; may raise `Cancelled`, so call it between batches, never inside a write."""

    def __call__(
        self,
        done: int,
        total: int,
        unit: str = "frames",
        *,
        note: str = "",
        point: dict[str, Any] | None = None,
    ) -> None:
        """Say that `done` of `total` `unit` are finished.

        Parameters
        ----------
        done, total : int
            Counts of the present stage; `total` may be 0 while it is unknown.
        unit : str, default="frames"
            What is counted, in the plural.
        note : str
            What is being done, in a few words, for the user.
        point : dict, optional
            One point of a live curve, for instance ``{"step": 100, "reconstruction": 0.31}``.
        """


def silent(
    done: int,
    total: int,
    unit: str = "frames",
    *,
    note: str = "",
    point: dict[str, Any] | None = None,
) -> None:
    """Report to nobody."""
