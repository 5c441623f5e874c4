"""Colours of clusters."""

from webapp.datasets.palette import CYCLE, NOISE_COLOUR, cluster_colour


def test_forty_clusters_have_forty_colours_and_none_is_that_of_noise():
    colours = [cluster_colour(cluster) for cluster in range(40)]
    assert len(set(colours)) == 40
    assert NOISE_COLOUR not in colours
    assert cluster_colour(-1) == NOISE_COLOUR
    assert len(CYCLE) == 42
