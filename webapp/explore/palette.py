"""The colours of clusters, the same in map, gallery and chart."""

# Okabe and Ito's colours without black, then those of P. Tol's “muted” scheme that differ from them most.
# Both can be told apart by colour-blind people, and read on dark and light ground.
CYCLE = (
    "#e69f00", "#56b4e9", "#009e73", "#d55e00", "#cc79a7", "#0072b2", "#f0e442",
    "#999933", "#882255", "#44aa99", "#aa4499", "#ddcc77", "#6699cc", "#cc6677",
)  # fmt: skip
NOISE_COLOUR = "#9aa0a6"


def cluster_colour(cluster: int) -> str:
    """Return the colour of a cluster; noise is grey."""
    return NOISE_COLOUR if cluster < 0 else CYCLE[cluster % len(CYCLE)]
