"""The seam: for each stage, the arguments that the step gets, taken from rows and products."""

from typing import Any

from django.conf import settings

from webapp.jobs.lifecycle import Claim
from webapp.jobs.models import Product


def arguments_of(claim: Claim) -> dict[str, Any]:
    """Return the arguments, by keyword, for the step of the claimed shard."""
    return _BUILDERS[claim.job.stage_of.step](claim)


def on_product(product: Product) -> None:
    """Tell the data set what a product says of it; runs in the transaction that publishes it."""
    if product.kind == "inspect":
        from webapp.datasets.relink import settle
        from webapp.datasets.services import record_source

        record_source(product=product)
        if product.dataset.is_draft and product.dataset.relinked_from_id:
            settle(product=product)
    elif product.kind == "index" and product.dataset.is_draft and product.dataset.relinked_from_id:
        from webapp.datasets.relink import settle_frames

        settle_frames(product=product)
    elif product.kind == "condense":
        from webapp.datasets.lineage import choose_condensation

        choose_condensation(dataset=product.dataset, condensation=None)  # what was just made is the newest
    elif product.kind == "cluster":
        from webapp.datasets.lineage import choose_clustering

        choose_clustering(dataset=product.dataset, clustering=None)
    elif product.kind == "classify":
        from webapp.datasets.lineage import choose_classification

        choose_classification(dataset=product.dataset, classification=None)
    elif product.kind in ("match", "file-labels"):
        from webapp.labels.carry import carry_over, import_file_labels

        (carry_over if product.kind == "match" else import_file_labels)(product=product)


def _input(claim: Claim, name: str) -> Product:
    return Product.objects.get(pk=claim.job.inputs[name])


def _source(claim: Claim) -> dict[str, Any]:
    """Return the source description, and where its files lie now."""
    return {**_input(claim, "source").facts, "moved": claim.job.dataset.moved}


def _folder(claim: Claim, name: str) -> str:
    return str(_input(claim, name).folder)


def _parts(claim: Claim) -> list[str]:
    """Return the folders of the stage before, in order."""
    shards = claim.job.shards.filter(stage=claim.shard.stage - 1).order_by("index")
    return [str(settings.DATA_DIR / shard.part) for shard in shards]


def _plan(claim: Claim) -> str:
    """Return the folder of the job's first stage."""
    return str(settings.DATA_DIR / claim.job.shards.get(stage=0).part)


def _range(claim: Claim) -> dict[str, int]:
    return {"start": claim.shard.start, "stop": claim.shard.stop}


def _training(claim: Claim) -> dict[str, Any]:
    return {
        "recipe": claim.job.params.get("recipe", {}),
        "seed": claim.job.params.get("seed", 0),
        "threads": settings.ACCELERATOR_THREADS,
    }


def _applied(claim: Claim) -> dict[str, Any]:
    return {
        "condensed_dir": _folder(claim, "condensation"),
        "network_dir": _folder(claim, "network"),
        "threads": settings.ACCELERATOR_THREADS,
        **_range(claim),
    }


def _simulate(claim: Claim) -> dict[str, Any]:
    return claim.job.params


def _inspect(claim: Claim) -> dict[str, Any]:
    dataset = claim.job.dataset
    return {
        "sources": [file.path for file in dataset.source_files.all()],
        "roots": dataset.moved.get("roots", dataset.roots),
        "dataset_path": claim.job.params.get("dataset_path") or None,
    }


def _index_range(claim: Claim) -> dict[str, Any]:
    return {"source": _source(claim), **_range(claim)}


def _plan_condense(claim: Claim) -> dict[str, Any]:
    from webapp.datasets.masks import mask_arguments

    return {
        "source": _source(claim),
        "index_dir": _folder(claim, "index"),
        "recipe": claim.job.params.get("recipe", {}),
        **mask_arguments(claim.job.dataset, claim.job.params.get("recipe", {})),
    }


def _condense_range(claim: Claim) -> dict[str, Any]:
    return {
        "source": _source(claim),
        "geometry_dir": _plan(claim),
        "recipe": claim.job.params.get("recipe", {}),
        **_range(claim),
    }


def _measured(claim: Claim) -> dict[str, Any]:
    return {"index_dir": _folder(claim, "index"), "source": _input(claim, "source").facts}


def _measure_range(claim: Claim) -> dict[str, Any]:
    return {"condensed_dir": _folder(claim, "condensation"), **_measured(claim), **_range(claim)}


def _learn(claim: Claim) -> dict[str, Any]:
    return {
        "condensed_dir": _folder(claim, "condensation"),
        "scratch": str(claim.job.folder / "scratch"),
        "start_from": _folder(claim, "start_from") if "start_from" in claim.job.inputs else None,
        **_training(claim),
    }


def _latents(claim: Claim) -> dict[str, Any]:
    return {
        "latents_dir": _folder(claim, "embedding"),
        "network_dir": _folder(claim, "network"),
        **_training(claim),
    }


def _recluster(claim: Claim) -> dict[str, Any]:
    from webapp.explore.clusterings import with_tree_for

    recipe, within = claim.job.params["recipe"], claim.job.params["within"]
    earlier = _input(claim, "clustering")
    # All members of a family share one tree; one of them may have it connected as it is asked for now.
    read = with_tree_for(earlier, recipe.get("min_samples")) if _is_whole(claim.job.params) else earlier
    return {
        "cluster_dir": str(read.folder),
        "latents_dir": _folder(claim, "embedding"),
        "network_dir": _folder(claim, "network"),
        "recipe": recipe,
        "within": within,
        "merge": claim.job.params.get("merge"),
        "threads": settings.ACCELERATOR_THREADS,
    }


def _is_whole(params: dict[str, Any]) -> bool:
    return params["within"] is None and not params.get("merge")


def _gallery(claim: Claim) -> dict[str, Any]:
    from webapp.datasets.palette import cluster_colour

    n_clusters = _input(claim, "clustering").facts["n_clusters"]
    return {
        "colours": [cluster_colour(cluster) for cluster in range(-1, n_clusters)],
        "title": claim.job.params["title"],
        "condensed_dir": _folder(claim, "condensation"),
        "cluster_dir": _folder(claim, "clustering"),
        "map_dir": _folder(claim, "map"),
    }


def _nuisance(claim: Claim) -> dict[str, Any]:
    return {
        "index_dir": _folder(claim, "index"),
        "condensed_dir": _folder(claim, "condensation"),
        "measures_dir": _folder(claim, "measures"),
        "size_unit": _input(claim, "measures").facts.get("size_unit", "1/px"),
        "latents_dir": _folder(claim, "embedding"),
        "active_latents": _input(claim, "network").facts["figures"]["active_latents"],
        "cluster_dir": _folder(claim, "clustering"),
    }


def _train(claim: Claim) -> dict[str, Any]:
    from webapp.labels.selectors import export_labels

    labels = export_labels(claim.job.dataset, claim.job.params["labels_as_of"])
    path = labels.save(claim.job.folder / "scratch" / "labels.npz")
    training = _training(claim)
    rules = {"exclusive": labels.exclusive, "excludes": labels.excludes}
    training["recipe"] = rules | training["recipe"]
    return {
        "condensed_dir": _folder(claim, "condensation"),
        "labels": str(path),
        "classes": labels.classes,
        "single_label": labels.single_label,
        "scratch": str(claim.job.folder / "scratch"),
        "start_from": _folder(claim, "start_from") if "start_from" in claim.job.inputs else None,
        **training,
    }


def _promise(claim: Claim) -> dict[str, Any]:
    from webapp.manifests.promise_jobs import promise_arguments

    return promise_arguments(claim.job)


def _applicability(claim: Claim) -> dict[str, Any]:
    from webapp.networks.applicability import candidates_of_job

    return {
        "condensed_dir": _folder(claim, "condensation"),
        "candidates": candidates_of_job(claim.job),
        "seed": claim.job.params.get("seed", 0),
        "threads": settings.ACCELERATOR_THREADS,
    }


def _judge(claim: Claim) -> dict[str, Any]:
    from webapp.labels.selectors import export_labels

    labels = export_labels(claim.job.dataset, claim.job.params["labels_as_of"])
    return {
        "condensed_dir": _folder(claim, "condensation"),
        "network_dir": _folder(claim, "network"),
        "labels": str(labels.save(claim.job.folder / "scratch" / "labels.npz")),
        "threads": settings.ACCELERATOR_THREADS,
    }


def _manifest(claim: Claim) -> dict[str, Any]:
    from webapp.manifests.card import manifest_arguments

    return manifest_arguments(claim.job)


def _explain(claim: Claim) -> dict[str, Any]:
    return {
        "condensed_dir": _folder(claim, "condensation"),
        "network_dir": _folder(claim, "network"),
        "frame": claim.job.params["frame"],
        "threads": settings.ACCELERATOR_THREADS,
    }


def _label_file(claim: Claim) -> dict[str, Any]:
    from webapp.labels.label_files import label_file_arguments

    return {"index_dir": _folder(claim, "index"), **label_file_arguments(claim.job)}


def _match(claim: Claim) -> dict[str, Any]:
    return {"old_index_dir": _folder(claim, "old_index"), "new_index_dir": _folder(claim, "new_index")}


def _watch(claim: Claim) -> dict[str, Any]:
    from webapp.live.selectors import watch_arguments

    return watch_arguments(claim.job)


_BUILDERS = {
    "simulate.simulate": _simulate,
    "index.inspect_source": _inspect,
    "index.index_range": _index_range,
    "index.merge_index": lambda claim: {"parts": _parts(claim), "source": _source(claim)},
    "condense.plan_condense": _plan_condense,
    "condense.condense_range": _condense_range,
    "condense.merge_condense": lambda claim: {"parts": _parts(claim), "geometry_dir": _plan(claim)},
    "measure.measure_range": _measure_range,
    "measure.merge_measures": lambda claim: {"parts": _parts(claim), **_measured(claim)},
    "learn.learn": _learn,
    "embed.embed_range": _applied,
    "embed.merge_latents": lambda claim: {"parts": _parts(claim)},
    "cluster.cluster": _latents,
    "cluster.recluster": _recluster,
    "project.project": _latents,
    "gallery.write_gallery": _gallery,
    "nuisance.report": _nuisance,
    "classify.train_classifier": _train,
    "classify.classify_range": _applied,
    "classify.merge_classification": lambda claim: {"parts": _parts(claim)},
    "promise.promise": _promise,
    "applicability.judge": _applicability,
    "judge.judge_labelled": _judge,
    "explain.explain": _explain,
    "relink.match": _match,
    "file_labels.read_labels": lambda claim: {"source": _source(claim)},
    "label_file.read_label_file": _label_file,
    "manifest.write_manifest": _manifest,
    "watch.watch_folder": _watch,
}
