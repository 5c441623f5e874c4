"""Data sets and the source files that they are read from."""

import uuid

from django.db import models

from webapp.accounts.models import Group, User


class DatasetQuerySet(models.QuerySet):
    """Reads of data sets."""

    def for_user(self, user: User) -> "DatasetQuerySet":
        """Return the data sets of the user's groups."""
        return self.filter(group__memberships__user=user)


class Dataset(models.Model):
    """Frames of one run or several, read where they lie.

    A data set is a draft until a person has confirmed what the dry run found. `asked_for` is what the
    person named: files, folders or patterns. `relinked_from` is the data set whose files were looked for
    again here, and `last_look` what that led to, in words. `moved` says where files lie now that have been
    moved since they were looked into: path and fingerprint, by the path of then.

    `mask_words` says what became of the mask that people had drawn for `relinked_from`.

    `current_condensation` is the one that a person chose for what follows; the newest where nobody chose.
    `current_clustering` likewise: the one whose clusters pages show and the manifest holds.
    `current_classification` likewise: the one whose classes pages show, with the classifier that made it.
    `hit_threshold` is the least number of lit pixels of a hit; what the index says where nobody set it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=200)
    roots = models.JSONField(default=list)
    dataset_path = models.CharField(max_length=500, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True, db_index=True)
    asked_for = models.JSONField(default=list)
    moved = models.JSONField(default=dict)
    relinked_from = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="relinked")
    last_look = models.JSONField(default=dict)
    mask_words = models.CharField(max_length=500, blank=True)
    current_condensation = models.UUIDField(null=True)
    current_clustering = models.UUIDField(null=True)
    current_classification = models.UUIDField(null=True)
    hit_threshold = models.FloatField(null=True)
    is_draft = models.BooleanField(default=True)
    n_frames = models.BigIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    width = models.PositiveIntegerField(null=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class SourceFile(models.Model):
    """One file that holds frames of a data set; it is only ever read.

    `path` is where it lies now, `registered_path` where it lay when it was registered, if elsewhere;
    `sent_name` is what an uploaded file was called at the sender's, as its path means nothing to people.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="source_files")
    order = models.PositiveIntegerField()
    path = models.CharField(max_length=1000)
    registered_path = models.CharField(max_length=1000, blank=True)
    size = models.BigIntegerField(default=0)
    modified_ns = models.BigIntegerField(default=0)
    is_upload = models.BooleanField(default=False)
    sent_name = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["order"]
        constraints = [models.UniqueConstraint(fields=["dataset", "order"], name="one_file_for_each_place")]

    def __str__(self) -> str:
        return self.path

    @property
    def words(self) -> str:
        """How pages name the file."""
        return f"{self.sent_name or 'a file'}, uploaded" if self.is_upload else self.path


class Mask(models.Model):
    """One version of the mask that people drew over a data set's detector; never changed.

    The file is a picture of one bit a pixel, white where masked; recipes name it by its `sha256`.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="masks")
    version = models.PositiveIntegerField()
    file_name = models.CharField(max_length=300)
    sha256 = models.CharField(max_length=64)
    n_masked = models.BigIntegerField()
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["dataset", "version"], name="one_mask_a_version")]

    def __str__(self) -> str:
        return f"drawn mask, version {self.version}"


class HitThreshold(models.Model):
    """One version of what counts as a hit; the newest is the data set's `hit_threshold`. None: automatic."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="hit_thresholds")
    threshold = models.FloatField(null=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return "automatic" if self.threshold is None else f"{self.threshold:g} lit pixels"


class ClassifierChoice(models.Model):
    """One time that a person chose which sorting, and so which classifier, is the current one.

    Appended, never changed. `before` is the one that was current until then; who goes back to it names in
    `undoes` what is taken back.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="classifier_choices")
    classification = models.UUIDField()
    before = models.UUIDField()
    undoes = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="undone_by")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"sorting {str(self.classification)[:8]} of {self.dataset}"


class ClusterOperation(models.Model):
    """One thing that a person did to clusters: appended, never changed.

    `clustering` is the product that it is about, or the one that it asked for (MERGE, SPLIT, READ, CHOOSE);
    these keep in `params["before"]` which one was current, and in `params["seen"]` on whose page it was asked
    for, and whose names go on. UNDO makes the operation `undoes` as if it had
    never been. `client_id` is made in the browser, so what is sent twice counts once.
    """

    class Kind(models.TextChoices):
        RENAME = "rename"
        COLOUR = "colour"
        PROMOTE = "promote"
        MERGE = "merge"
        SPLIT = "split"
        READ = "read"
        CHOOSE = "choose"
        UNDO = "undo"

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="cluster_operations")
    clustering = models.UUIDField()
    client_id = models.UUIDField(default=uuid.uuid4)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    cluster = models.IntegerField(null=True)
    params = models.JSONField(default=dict)
    undoes = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="undone_by")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "client_id"], name="one_operation_for_each_client_id")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of clusters of {self.dataset}"
