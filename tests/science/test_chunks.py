import threading

import pytest

from workers.science.chunks import in_chunks


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("n", [0, 1, 7, 8, 21])
def test_chunks_cover_everything_once_and_come_in_order(n, threads):
    found = list(in_chunks(lambda start, stop: list(range(start, stop)), n, 4, threads))
    assert [number for *_, part in found for number in part] == list(range(n))
    assert all(stop - start <= 4 for start, stop, _ in found)


def test_two_chunks_are_worked_on_at_a_time():
    """Each of the two waits for the other: one after the other would never end."""
    together = threading.Barrier(2, timeout=20)
    assert len(list(in_chunks(lambda *_: together.wait(), 4, 1, threads=2))) == 4


def test_results_wait_for_whoever_takes_them():
    done = []
    results = in_chunks(lambda start, stop: done.append(start), 100, 1, threads=2)
    next(results)
    assert len(done) <= 5


def test_what_goes_wrong_in_a_thread_reaches_the_caller():
    def fail(start, stop):
        if start == 3:
            raise ValueError("frame 3")

    with pytest.raises(ValueError, match="frame 3"):
        list(in_chunks(fail, 6, 1, threads=2))
