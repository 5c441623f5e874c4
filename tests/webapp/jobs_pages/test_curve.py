import math

from webapp.jobs.curve import BOTTOM, HEIGHT, LEFT, MAX_POINTS, RIGHT, TOP, WIDTH, panels


def test_each_quantity_gets_a_panel_and_the_step_none():
    points = [{"step": 0, "loss": 4.0}, {"step": 10, "loss": 1.0, "macro_f1": 0.5}]
    assert [panel.name for panel in panels(points)] == ["loss", "macro-F1"]


def test_a_line_spans_its_panel_from_the_first_step_to_the_last():
    (panel,) = panels([{"step": 0, "loss": 4.0}, {"step": 10, "loss": 1.0}])
    first, *_, last = panel.line.split()
    assert first == f"{LEFT:.1f},{TOP:.1f}"
    assert last.startswith(f"{WIDTH - RIGHT:.1f},")
    assert panel.last == "1"


def test_values_that_are_no_numbers_are_left_out():
    points = [
        {"step": 0, "loss": math.nan},
        {"step": 1, "loss": None},
        {"step": 2, "loss": 3, "fit": "final"},
    ]
    (panel,) = panels(points)
    assert panel.n_points == 1
    assert "nan" not in panel.line


def test_long_curves_are_thinned_and_keep_their_end():
    (panel,) = panels([{"step": step, "loss": 1 / (1 + step)} for step in range(10_000)])
    assert len(panel.line.split()) <= MAX_POINTS + 1
    assert panel.steps.split()[-1] == "9999"
    assert all(0 <= float(pair.split(",")[1]) <= HEIGHT for pair in panel.line.split())


def test_no_points_make_no_panels():
    assert panels([]) == []


def test_a_list_of_numbers_is_a_panel_with_a_line_for_each_on_one_scale():
    points = [{"step": 0, "kl_per_latent": [0.0, 0.0, 0.1]}, {"step": 10, "kl_per_latent": [0.5, 2.0, 0.0]}]
    (panel,) = panels(points)
    assert (panel.low, panel.high, panel.last) == ("0", "2", "2")
    assert len(panel.others) == 2
    assert panel.line.endswith(f"{WIDTH - RIGHT:.1f},{TOP:.1f}")
    assert panel.others[0].endswith(f"{WIDTH - RIGHT:.1f},{HEIGHT - BOTTOM:.1f}")
    assert "2 more lines" in panel.sentence


def test_a_quantity_that_only_some_points_have_is_drawn_at_their_steps():
    points = [{"step": 1, "a": 3.0}, {"step": 5, "a": 2.0, "held_back": 7.0}]
    assert [(panel.name, panel.first_step) for panel in panels(points)] == [
        ("a", 1),
        ("loss of held-back frames", 5),
    ]
