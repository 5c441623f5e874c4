"""The colours of clusters, the same in map, gallery, chart and the gallery's file."""

# Okabe and Ito's colours without black, then those of P. Tol's “muted” scheme that differ from them most.
# Both can be told apart by colour-blind people, and read on dark and light ground.
_FIRST = (
    "#e69f00", "#56b4e9", "#009e73", "#d55e00", "#cc79a7", "#0072b2", "#f0e442",
    "#999933", "#882255", "#44aa99", "#aa4499", "#ddcc77", "#6699cc", "#cc6677",
)  # fmt: skip
NOISE_COLOUR = "#9aa0a6"


def _towards(colour: str, target: int, share: float) -> str:
    """Mix a colour with grey of the level `target`."""
    levels = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return "#" + "".join(f"{round(level + (target - level) * share):02x}" for level in levels)


# Many clusters: the same hues lighter, then darker, before any colour comes a second time.
CYCLE = (
    *_FIRST,
    *(_towards(colour, 255, 0.5) for colour in _FIRST),
    *(_towards(colour, 40, 0.45) for colour in _FIRST),
)


def cluster_colour(cluster: int) -> str:
    """Return the colour of a cluster; noise is grey."""
    return NOISE_COLOUR if cluster < 0 else CYCLE[cluster % len(CYCLE)]


def cluster_name(cluster: int) -> str:
    """Return what a cluster is called to which nobody gave a name."""
    return "Noise" if cluster < 0 else f"Cluster {cluster}"


def contrast(colour: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21, as WCAG 2 defines it."""
    bright, dark = sorted((_luminance(colour), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    levels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in levels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
