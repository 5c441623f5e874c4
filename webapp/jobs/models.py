"""Jobs, the shards that workers claim, and the products that jobs leave behind."""

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone

from webapp.accounts.models import Group, User
from webapp.jobs.kinds import KINDS, Kind, Stage


class State(models.TextChoices):
    """States of jobs and shards; a shard goes back to QUEUED when its worker is lost."""

    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE = (State.QUEUED, State.RUNNING)


class JobQuerySet(models.QuerySet):
    """Reads of jobs."""

    def for_user(self, user: User) -> "JobQuerySet":
        """Return the jobs of the user's groups."""
        return self.filter(group__memberships__user=user)

    def active(self) -> "JobQuerySet":
        """Return the jobs that have not ended."""
        return self.filter(state__in=ACTIVE)


class Job(models.Model):
    """One piece of work that a person asked for, and the truth about it.

    QUEUED -> RUNNING -> SUCCEEDED | FAILED | CANCELLED

    Workers never claim a job: they claim its shards. A job's stages follow one another; each has
    one shard or many, and the last shard of a stage opens the next.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="jobs")
    dataset = models.ForeignKey("datasets.Dataset", null=True, on_delete=models.CASCADE, related_name="jobs")
    title = models.CharField(max_length=200, blank=True)
    params = models.JSONField(default=dict)
    inputs = models.JSONField(default=dict)
    key = models.CharField(max_length=64, db_index=True)
    result_id = models.UUIDField(default=uuid.uuid4, unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    stage = models.PositiveSmallIntegerField(default=0)
    after = models.ManyToManyField("self", symmetrical=False, related_name="followers")
    cancel_requested = models.BooleanField(default=False)
    error = models.TextField(blank=True)
    error_detail = models.TextField(blank=True)
    curve = models.JSONField(default=list)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "kind"])]

    def __str__(self) -> str:
        return f"{self.kind_of.title} ({self.get_state_display()})"

    @property
    def kind_of(self) -> Kind:
        """The description of the job's kind."""
        return KINDS[self.kind]

    @property
    def stage_of(self) -> Stage:
        """The stage that runs now, or ran last."""
        return self.kind_of.stages[min(self.stage, len(self.kind_of.stages) - 1)]

    @property
    def is_active(self) -> bool:
        """Whether the job has yet to end."""
        return self.state in ACTIVE

    @property
    def folder(self) -> Path:
        """Where parts and checkpoints lie while the job runs."""
        return settings.DATA_DIR / "jobs" / str(self.id)


class ShardQuerySet(models.QuerySet):
    """Reads of shards."""

    def claimable(self, queue: str) -> "ShardQuerySet":
        """Return queued shards of `queue` whose job waits for no other."""
        kinds = [kind.name for kind in KINDS.values() if kind.queue == queue]
        waits = Job.after.through.objects.filter(from_job=OuterRef("job")).exclude(
            to_job__state=State.SUCCEEDED
        )
        return self.filter(
            ~Exists(waits),
            state=State.QUEUED,
            job__kind__in=kinds,
            job__state__in=ACTIVE,
            job__cancel_requested=False,
        )


class Shard(models.Model):
    """What one worker claims, works on and publishes.

    `attempt` rises with each claim and fences every later write: a worker that lost its lease cannot
    publish. `losses` counts leases that ran out; after three the job fails.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="shards")
    stage = models.PositiveSmallIntegerField()
    index = models.PositiveIntegerField()
    start = models.BigIntegerField(default=0)
    stop = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)
    lease_until = models.DateTimeField(null=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    unit = models.CharField(max_length=20, default="frames")
    note = models.CharField(max_length=200, blank=True)
    rate = models.FloatField(default=0.0)
    result = models.JSONField(default=dict)
    part = models.CharField(max_length=300, blank=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = ShardQuerySet.as_manager()

    class Meta:
        ordering = ["job", "stage", "index"]
        constraints = [
            models.UniqueConstraint(fields=["job", "stage", "index"], name="one_shard_for_each_range")
        ]
        indexes = [models.Index(fields=["state", "lease_until"])]

    def __str__(self) -> str:
        return f"{self.job.kind} {self.stage}/{self.index}, attempt {self.attempt}"


class ProductQuerySet(models.QuerySet):
    """Reads of products."""

    def for_user(self, user: User) -> "ProductQuerySet":
        """Return the products of the user's groups."""
        return self.filter(group__memberships__user=user)

    def of_kind(self, *kinds: str) -> "ProductQuerySet":
        """Return products of these kinds, the newest first."""
        return self.filter(kind__in=kinds).order_by("-created_at")


class ProductManager(models.Manager.from_queryset(ProductQuerySet)):
    """Products without the list of their files, which for a million frames has thousands of entries.

    Who asks a product for it makes one more query.
    """

    def get_queryset(self) -> ProductQuerySet:
        """Leave the files out."""
        return super().get_queryset().defer("files")


class Product(models.Model):
    """What a job left behind: a folder of files that never change, and how they came about.

    `key` is the SHA-256 over the kind, the parameters and the keys of the inputs, so a second run with
    the same parents and parameters is found, not computed again. A data set that was registered twice
    has rows of its own that share the folder.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="products")
    dataset = models.ForeignKey(
        "datasets.Dataset", null=True, on_delete=models.CASCADE, related_name="products"
    )
    job = models.OneToOneField(Job, null=True, on_delete=models.SET_NULL, related_name="product")
    name = models.CharField(max_length=200, blank=True)
    parents = models.ManyToManyField("self", symmetrical=False, related_name="children")
    params = models.JSONField(default=dict)
    inputs = models.JSONField(default=dict)
    key = models.CharField(max_length=64)
    folder_name = models.CharField(max_length=300)
    files = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ProductManager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["dataset", "key"], name="one_product_for_each_key")]
        indexes = [models.Index(fields=["group", "key"])]

    def __str__(self) -> str:
        return self.name or f"{self.kind} {str(self.id)[:8]}"

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return settings.DATA_DIR / self.folder_name

    def path(self, name: str) -> Path:
        """Return the path of the file `name`, which must be one of the product's."""
        if name not in self.files:
            raise KeyError(f"{self} has no file {name}")
        return self.folder / name

    def input(self, name: str) -> Any:
        """Return the product that came in as `name`."""
        return Product.objects.get(pk=self.inputs[name])
