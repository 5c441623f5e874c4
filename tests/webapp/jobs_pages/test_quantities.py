from datetime import timedelta

import pytest
from django.utils import timezone

from webapp.jobs.templatetags.quantities import ago, count, duration, number, rate, size


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (0.42, "0.4 s"), (59.7, "1 min"), (185, "3 min 5 s"), (3600, "1 h"), (90_061, "1 d 1 h")],
)
def test_durations_have_at_most_two_units(seconds, words):
    assert duration(seconds).replace("\u202f", " ") == words


@pytest.mark.parametrize(
    ("n_bytes", "words"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2 * 2**30, "2.1 GB"), (None, "–")]
)
def test_sizes_are_decimal(n_bytes, words):
    assert size(n_bytes).replace("\u202f", " ") == words


def test_rates_change_to_minutes_where_that_reads_better():
    assert rate(0.2, "steps") == "12.0 steps/min"
    assert rate(1234.5).replace("\u202f", " ") == "1 234 frames/s"
    assert rate(0) == "–"


def test_times_carry_the_exact_one():
    moment = timezone.now() - timedelta(minutes=3, seconds=20)
    text = ago(moment)
    assert "3\u202fmin ago" in text
    assert moment.strftime("%Y-%m-%d %H:%M:%S") in text


def test_figures_keep_their_digits_and_missing_ones_a_dash():
    assert (number(0.123456, 3), number(None), number(True), count(12_345)) == (
        "0.123",
        "–",
        "True",
        "12\u202f345",
    )
