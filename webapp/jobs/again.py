"""Asking again with changes: the form in which a job was asked for, filled with what it was given."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from webapp.jobs.models import Job

FORMS = {
    "learn": "networks:dataset-learn",
    "cluster": "explore:dataset-clusters",
    "recluster": "explore:dataset-clusters",
    "train": "manifests:dataset-classify",
    "condense": "datasets:dataset-recipe",
}
ANCHORS = {
    "cluster": "#cluster-again",
    "recluster": "#cluster-again",
    "train": "#train-again",
    "learn": "#again",
}
NAME = "again"


def again_url(job: Job) -> str:
    """Return the address of the form of this kind of job, filled as the job was; empty where none has one."""
    page = FORMS.get(job.kind)
    if page is None or job.dataset_id is None:
        return ""
    read = f"&clustering={job.inputs['clustering']}" if job.kind == "recluster" else ""
    address = reverse(page, args=[job.dataset_id])
    return f"{address}?{NAME}={job.pk}{read}{ANCHORS.get(job.kind, '')}"


def asked_before(request: HttpRequest, dataset: Any, *kinds: str) -> Job | None:
    """Return the job whose settings the request names, if the person may see it."""
    named = request.POST.get(NAME) or request.GET.get(NAME) or ""
    try:
        number = UUID(named)
    except ValueError:
        return None
    return Job.objects.for_user(request.user).filter(pk=number, dataset=dataset, kind__in=kinds).first()


def recipe_of(job: Job | None) -> dict[str, Any]:
    """Return the recipe that a job was given; empty for none."""
    return dict(job.params.get("recipe") or {}) if job else {}


def beyond(job: Job | None, *names: str) -> dict[str, Any]:
    """Return the settings of a job's recipe that its form has no fields for; they are kept as they were."""
    return {name: value for name, value in recipe_of(job).items() if name not in names}
