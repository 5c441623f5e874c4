"""Processes that are kept alive, and the lock that lets one group only work on a folder."""

import signal
import sys
import time

import pytest

from webapp.supervisor.group import AlreadyRunningError, accelerators, take_lock
from webapp.supervisor.process import SupervisedProcess


def tend_until(process, condition, seconds=20):
    said = []
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        said.append(process.tend())
        time.sleep(0.05)
    assert condition()
    return [line for line in said if line]


def test_each_gpu_has_a_worker_of_its_own(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,3")
    assert [each["CUDA_VISIBLE_DEVICES"] for each in accelerators()] == ["0", "3"]


def test_without_a_gpu_there_is_one_worker_all_the_same(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert accelerators() == [{}]


def test_a_process_that_ends_is_started_again_and_it_is_said(tmp_path):
    process = SupervisedProcess("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"], tmp_path)
    process.start()
    first = process.process.pid
    process.signal(signal.SIGKILL)
    said = tend_until(process, lambda: process.is_running and process.process.pid != first)
    assert len(said) == 1
    assert "code -9" in said[0]
    process.signal(signal.SIGTERM)
    process.wait(time.monotonic() + 10)
    assert not process.is_running


def test_a_process_that_keeps_failing_is_started_less_and_less_often(tmp_path):
    process = SupervisedProcess("failing", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path)
    process.start()
    tend_until(process, lambda: process.n_failures >= 2)
    assert process.not_before - time.monotonic() > 0.5


def test_a_process_that_will_not_end_is_killed(tmp_path):
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    process = SupervisedProcess("stubborn", [sys.executable, "-c", program], tmp_path)
    process.start()
    tend_until(process, lambda: process.log.stat().st_size > 0)
    process.signal(signal.SIGTERM)
    process.wait(time.monotonic() + 0.3)
    assert not process.is_running


def test_only_one_group_works_on_a_folder():
    lock = take_lock()
    with pytest.raises(AlreadyRunningError, match="FRINGE_DATA"):
        take_lock()
    lock.close()
    take_lock().close()
