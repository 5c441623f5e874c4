"""Hundreds of hostile and damaged files in confined processes: each is refused in words, or read right."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.science.io.hostile.cases import SECRET, Case, write_secrets
from tests.science.io.hostile.damage import damage_cases
from tests.science.io.hostile.links import reference_cases
from tests.science.io.hostile.other_files import other_cases
from tests.science.io.hostile.reader import checksum
from tests.science.io.hostile.runs import run_cases
from tests.science.io.hostile.values import value_cases

REPOSITORY = Path(__file__).resolve().parents[3]
CASES = [*reference_cases(), *value_cases(), *other_cases(), *run_cases(), *damage_cases()]
GIGABYTE = 10**9


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> dict[str, dict[str, Any]]:
    """Make all files and read them; return what became of each, by the name of the case."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "root").mkdir()
    (folder / "out").mkdir()
    write_secrets(folder / "outside")
    paths = {}
    for number, case in enumerate(CASES):
        place = folder / "root" / f"{number:04d}"
        place.mkdir()
        case.make(place / case.name, folder / "outside")
        paths[str(place / case.name)] = case.name
    names = list(paths)
    with ThreadPoolExecutor() as pool:
        read = pool.map(lambda part: list(_read(part, folder)), (names[::2], names[1::2]))
        found = {paths[item["path"]]: item for part in read for item in part}
    _report(found)
    return found


def _read(paths: list[str], folder: Path) -> Iterator[dict[str, Any]]:
    """Read files in confined processes, one after the other; a new process follows one that died."""
    while paths:
        done = subprocess.run(
            [sys.executable, "-m", "tests.science.io.hostile.reader", folder / "root", folder / "out"],
            input="".join(json.dumps(path) + "\n" for path in paths),
            cwd=REPOSITORY,
            env={
                "PATH": os.environ["PATH"],
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
                "HDF5_PLUGIN_PRELOAD": "::",
                "ARROW_DEFAULT_MEMORY_POOL": "system",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        said = [json.loads(line) for line in done.stdout.splitlines()]
        said = [{**item, "stderr": done.stderr} for item in said]
        yield from said
        paths = paths[len(said) :]
        if paths and done.returncode:
            yield {
                "path": paths[0],
                "outcome": "died",
                "text": f"{done.returncode} {done.stderr[-500:]}",
                "peak": 0,
            }
            paths = paths[1:]


def _report(found: dict[str, dict[str, Any]]) -> None:
    """Print the figures for docs/reliability.md; pytest shows them with -s."""
    outcomes = [item["outcome"] for item in found.values()]
    counts = {name: outcomes.count(name) for name in sorted(set(outcomes))}
    peak = max(item["peak"] for item in found.values()) / 1e6
    print(f"\n{len(found)} files: {counts}, largest peak {peak:.0f} MB")


def _failures(corpus: dict[str, dict[str, Any]], is_wrong: Any) -> list[str]:
    return [
        f"{case.name}: {corpus[case.name]['outcome']} {corpus[case.name]['text'][:300]}"
        for case in CASES
        if is_wrong(case, corpus[case.name])
    ]


def test_the_corpus_has_several_hundred_files_each_of_its_own_name(corpus):
    assert len(CASES) >= 300
    assert len(corpus) == len({case.name for case in CASES}) == len(CASES)


def test_no_file_kills_its_reader_or_raises_anything_but_a_line(corpus):
    assert _failures(corpus, lambda case, item: item["outcome"] not in ("read", "refused")) == []


def test_what_must_be_refused_is_refused_and_what_is_good_is_read(corpus):
    wrong = _failures(corpus, lambda case, item: case.wanted not in ("either", item["outcome"]))
    assert wrong == []


def test_a_refusal_is_one_line_that_names_the_file_and_a_cause(corpus):
    def is_wrong(case: Case, item: dict[str, Any]) -> bool:
        text = item["text"]
        named = case.name in text and ": " in text
        return item["outcome"] == "refused" and (not named or "\n" in text or not text.endswith("."))

    assert _failures(corpus, is_wrong) == []


def test_what_is_read_is_what_was_written(corpus):
    def is_wrong(case: Case, item: dict[str, Any]) -> bool:
        return item["outcome"] == "read" and case.frames is not None and item["sum"] != checksum(case.frames)

    assert _failures(corpus, is_wrong) == []


def test_no_byte_from_outside_the_root_is_seen_anywhere(corpus):
    def is_wrong(case: Case, item: dict[str, Any]) -> bool:
        told = SECRET.decode() in item["text"] or SECRET.decode() in item["stderr"]
        return told or item.get("saw_secret", False)

    assert _failures(corpus, is_wrong) == []


def test_no_reader_ever_has_a_gigabyte(corpus):
    assert max(item["peak"] for item in corpus.values()) < GIGABYTE
