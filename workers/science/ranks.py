"""The processes that train one network together, one a GPU; one process alone is the usual case."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, distributed


class Ranks:
    """The processes of a training. Alone, every method gives back what it gets.

    Attributes
    ----------
    rank : int
        Number of this process, from 0.
    n : int
        How many there are.
    """

    rank = 0
    n = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes and reports."""
        return self.rank == 0

    def share(self, whole: Tensor) -> Tensor:
        """Return the rows of a batch of all processes that are this one's."""
        return whole.tensor_split(self.n)[self.rank]

    def joined(self, part: Tensor) -> Tensor:
        """Return the parts of all processes as one batch, in the order of ranks."""
        return part

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean over the processes."""
        return value

    def agreed(self, number: int) -> int:
        """Return the number of the first process, so that all decide the same by it."""
        return number


class SeveralRanks(Ranks):
    """Processes that torch.distributed has joined."""

    def __init__(self) -> None:
        self.rank, self.n = distributed.get_rank(), distributed.get_world_size()

    def joined(self, part: Tensor) -> Tensor:
        """Gather the parts of all processes."""
        parts = [torch.empty_like(part) for _ in range(self.n)]
        distributed.all_gather(parts, part.contiguous())
        return torch.cat(parts)

    def mean(self, value: Tensor) -> Tensor:
        """Sum over the processes and divide."""
        total = value.clone()
        distributed.all_reduce(total)
        return total / self.n

    def agreed(self, number: int) -> int:
        """Take the number of the first process."""
        said = [number]
        distributed.broadcast_object_list(said, src=0)
        return said[0]


@contextmanager
def joined_ranks() -> Iterator[SeveralRanks]:
    """Join the processes that torchrun started: over NCCL with a GPU each, else over gloo."""
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    if torch.cuda.is_available():
        torch.cuda.set_device(distributed.get_node_local_rank())
    try:
        yield SeveralRanks()
        distributed.barrier()  # who is done first must not take the connections of the others along
    finally:
        distributed.destroy_process_group()
