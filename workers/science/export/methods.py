"""The methods paragraph of a manifest: what was done, in sentences that can be pasted into a paper."""

import re
from typing import Any

from workers.science.export.citations import CITATIONS

_KEY = re.compile(r"\[@(\w+)\]")


def methods_of(card: dict[str, Any]) -> tuple[str, str]:
    """Return a paragraph about a manifest, and the BibTeX entries of what it cites.

    Parameters
    ----------
    card : dict
        The card, as ``manifest.json`` holds it.

    Returns
    -------
    text, bibtex : str
        Sentences that speak of nothing that was not done.
    """
    sentences = [
        _data(card),
        *_condensing(card),
        *_unsupervised(card),
        *_supervised(card),
        *_chosen(card),
        *_promise(card),
        _files(card),
    ]
    text = " ".join(sentence for sentence in sentences if sentence)
    keys = list(dict.fromkeys(_KEY.findall(text)))
    text = _KEY.sub(lambda found: f"({CITATIONS[found[1]].short})", text)
    return f"{text}\n", "\n".join(CITATIONS[key].bibtex for key in keys)


def _data(card: dict[str, Any]) -> str:
    n_files, dataset = len(card.get("sources", [])), card.get("dataset", {})
    name = dataset.get("name", "") if isinstance(dataset, dict) else str(dataset)
    n = (card.get("selection") or {}).get("of", card.get("n_frames", 0))
    files = "one file" if n_files == 1 else f"{n_files} files"
    threshold = card.get("hit_threshold")
    hits = f" Frames with at least {threshold:g} lit pixels count as hits." if threshold else ""
    return f"The data set “{name}” holds {_count(n)} frames from {files}.{hits}"


def _condensing(card: dict[str, Any]) -> list[str]:
    step = _step(card, "condense")
    if step is None:
        return []
    recipe = step["params"].get("recipe", {})
    size = recipe.get("size")
    to = f" to {size} x {size} pixels" if size else ""
    scale = {"log": "logarithmic", "sqrt": "square-root", "none": "linear"}[recipe.get("scale", "log")]
    return [f"Masked frames were cut out about the beam centre and scaled down{to} on a {scale} scale."]


def _unsupervised(card: dict[str, Any]) -> list[str]:
    network, clusters = _network(card, "factorvae"), card.get("counts", {}).get("clusters", {})
    sentences = []
    if network is not None:
        active = len((network.get("figures") or {}).get("active_latents") or [])
        latents = f"; {active} of its latents carried information" if active else ""
        sentences.append(
            f"A FactorVAE [@kim2018] was trained on them without labels (seed {network.get('seed')}, "
            f"PyTorch {_version(network, 'torch')}){latents}."
        )
    step = _step(card, "cluster")
    if step is not None and clusters:
        n_clusters, noise = len([name for name in clusters if name != "-1"]), clusters.get("-1", 0)
        settings = {"min_cluster_size", "min_samples", "method"} & step["params"].get("recipe", {}).keys()
        told = ", ".join(f"{name} = {step['params']['recipe'][name]}" for name in sorted(settings))
        sentences.append(
            f"HDBSCAN [@mcinnes2017]{f' with {told}' if told else ''} found {n_clusters} clusters among its "
            f"latents and left {_count(noise)} frames as noise."
        )
    return sentences


def _supervised(card: dict[str, Any]) -> list[str]:
    network, n_labelled = _network(card, "classifier"), card.get("n_labelled", 0)
    if network is None:
        return [f"{_count(n_labelled)} frames were labelled by hand."] if n_labelled else []
    recipe = network.get("recipe") or {}
    sentences = [
        f"Labels were given to {_count(network.get('n_labelled') or n_labelled)} frames, and a network "
        f"learned from them to sort all others [@zimmermann2019]; its seed was "
        f"{network.get('seed')}, with PyTorch {_version(network, 'torch')}."
    ]
    if recipe.get("shapes", True) and recipe.get("n_unlabelled", 1):
        sentences.append(
            "It learned from frames without a label as well, to which labels were spread by local and global "
            "consistency [@zhou2003]."
        )
    if network.get("temperature"):
        sentences.append(
            f"Its probabilities were calibrated with a temperature of {network['temperature']:.3g} "
            "[@guo2017]."
        )
    metrics = (network.get("figures") or {}).get("metrics")
    if metrics:
        sentences.append(
            f"On frames whose labels it had not seen its macro-F1 was {metrics['macro_f1']:.3f} and its mean "
            f"average precision {metrics['macro_average_precision']:.3f} "
            f"({_count(metrics['n_frames'])} frames)."
        )
    sentences.append("Where a person had labelled a frame, that label counts.")
    return sentences


def _chosen(card: dict[str, Any]) -> list[str]:
    selection = card.get("selection")
    if not selection:
        return []
    words = selection["words"][:1].lower() + selection["words"][1:]
    n, of = _count(selection["n_frames"]), _count(selection["of"])
    return [f"This manifest holds {words}: {n} of {of} frames."]


def _promise(card: dict[str, Any]) -> list[str]:
    promise = card.get("promise") or {}
    sentences = []
    for name, told in promise.get("classes", {}).items():
        if told.get("threshold") is None:
            sentences.append(
                f"No purity is promised for {name}, and the network decided on none of its frames."
            )
            continue
        asked = f", at {_percent(told['asked'])} asked for" if told.get("asked") else ""
        purity = f"; its purity was estimated as {_interval(told['purity'])}" if told.get("purity") else ""
        recall = f" and its recall as {_interval(told['recall'])}" if told.get("recall") else ""
        sentences.append(
            f"Frames of {name} were kept from a probability of {told['threshold']:.3g} on{asked}"
            f"{purity}{recall}.{_audit(told)}"
        )
    if sentences and promise.get("level"):
        sentences.append(f"Intervals are at a level of {_percent(promise['level'])}.")
    return sentences


def _audit(told: dict[str, Any]) -> str:
    audit = told.get("audit")
    if told.get("by") == "labels":
        return " The threshold was tested on labels that the judging fit had not seen [@angelopoulos2021]."
    if not audit or told.get("by") != "audit":
        return ""
    return (
        f" This rests on a blind audit of {_count(audit['n'])} random frames of the selection, of which "
        f"{_count(audit['wrong'])} were wrong [@waudbysmith2020]."
    )


def _files(card: dict[str, Any]) -> str:
    counts = card.get("counts", {}).get("classes", {})
    told = ", ".join(f"{name} {_count(n)}" for name, n in counts.items() if n)
    classes = f"The classes of its frames: {told}. " if told else ""
    return f"{classes}All steps, settings, versions and SHA-256 are in manifest.json."


def _step(card: dict[str, Any], kind: str) -> dict[str, Any] | None:
    return next((step for step in reversed(card.get("steps", [])) if step["kind"] == kind), None)


def _network(card: dict[str, Any], kind: str) -> dict[str, Any] | None:
    return next((each for each in reversed(card.get("networks", [])) if each.get("kind") == kind), None)


def _version(network: dict[str, Any], name: str) -> str:
    return (network.get("versions") or {}).get(name, "of unknown version")


def _count(n: int) -> str:
    return f"{n:,}".replace(",", " ")


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _interval(told: list[float]) -> str:
    estimate, low, high = told
    return f"{_percent(estimate)} ({_percent(low)} to {_percent(high)})"
