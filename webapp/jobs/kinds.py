"""The kinds of job: on which queue, in which stages. The calls themselves are in `workers.tasks.calls`."""

from dataclasses import dataclass

SHEET = 256  # frames on one thumbnail sheet, which shards do not cut
LARGEST_SHARD = 64 * SHEET
LARGEST_OF_NETWORKS = 4 * LARGEST_SHARD  # to load torch and a network takes as long as thousands of frames


@dataclass(frozen=True)
class Stage:
    """One step of a job; a sharded one is done in ranges of frames by any number of workers."""

    step: str
    note: str
    smallest_shard: int = 0
    largest_shard: int = LARGEST_SHARD

    @property
    def is_sharded(self) -> bool:
        """Whether the frames are shared out."""
        return self.smallest_shard > 0

    def ranges(self, n_frames: int) -> list[tuple[int, int]]:
        """Return half-open frame ranges that cover `n_frames`, or one for the whole."""
        if not self.is_sharded:
            return [(0, n_frames)]
        size = -(-n_frames // (8 * SHEET)) * SHEET
        size = min(self.largest_shard, max(self.smallest_shard, size))
        return [(start, min(start + size, n_frames)) for start in range(0, n_frames, size)]


@dataclass(frozen=True)
class Kind:
    """What a job of this kind is called and how it runs."""

    name: str
    title: str
    queue: str
    stages: tuple[Stage, ...]
    ends_on_request: bool = False  # a stop is its normal end, not a cancellation
    makes: str = ""  # the kind of its product, where that is not called like the job

    @property
    def product(self) -> str:
        """The kind of what it leaves behind."""
        return self.makes or self.name


_KINDS = (
    Kind("simulate", "Simulate frames", "cpu", (Stage("simulate.simulate", "simulating"),)),
    Kind(
        "inspect", "Look into the source", "cpu", (Stage("index.inspect_source", "looking into the files"),)
    ),
    Kind(
        "index",
        "Index frames",
        "cpu",
        (Stage("index.index_range", "indexing", 2 * SHEET), Stage("index.merge_index", "joining")),
    ),
    Kind(
        "condense",
        "Condense frames",
        "cpu",
        (
            Stage("condense.plan_condense", "finding centre and mask"),
            Stage("condense.condense_range", "condensing", 2 * SHEET),
            Stage("condense.merge_condense", "joining"),
        ),
    ),
    Kind("plan", "Look for masks and centre", "cpu", (Stage("condense.plan_condense", "looking"),)),
    Kind(
        "measure",
        "Measure frames",
        "cpu",
        (
            Stage("measure.measure_range", "measuring", 8 * SHEET),
            Stage("measure.merge_measures", "joining"),
        ),
    ),
    Kind("learn", "Learn patterns", "gpu", (Stage("learn.learn", "learning"),)),
    Kind(
        "embed",
        "Embed frames",
        "gpu",
        (
            Stage("embed.embed_range", "embedding", LARGEST_SHARD // 2, LARGEST_OF_NETWORKS),
            Stage("embed.merge_latents", "joining"),
        ),
    ),
    Kind("cluster", "Find clusters", "gpu", (Stage("cluster.cluster", "clustering"),)),
    # Not on the queue on which networks are trained: people wait for it, and it takes seconds.
    Kind(
        "recluster",
        "Read clusters anew",
        "cpu",
        (Stage("cluster.recluster", "reading clusters"),),
        makes="cluster",
    ),
    Kind("project", "Draw the map", "gpu", (Stage("project.project", "projecting"),)),
    Kind("gallery", "Write the gallery", "cpu", (Stage("gallery.write_gallery", "drawing"),)),
    Kind("nuisance", "Write the nuisance report", "cpu", (Stage("nuisance.report", "comparing"),)),
    Kind("train", "Train the classifier", "gpu", (Stage("classify.train_classifier", "training"),)),
    Kind(
        "classify",
        "Sort frames",
        "gpu",
        (
            Stage("classify.classify_range", "sorting", LARGEST_SHARD // 2, LARGEST_OF_NETWORKS),
            Stage("classify.merge_classification", "joining"),
        ),
    ),
    Kind("promise", "Work out what can be promised", "cpu", (Stage("promise.promise", "judging by labels"),)),
    Kind(
        "applicability",
        "See which networks fit",
        "gpu",
        (Stage("applicability.judge", "trying networks"),),
    ),
    Kind("judge", "Judge labelled frames", "gpu", (Stage("judge.judge_labelled", "judging"),)),
    # People wait for it before one frame.
    Kind("explain", "Tell what spoke for a class", "cpu", (Stage("explain.explain", "looking"),)),
    Kind("match", "Find frames again", "cpu", (Stage("relink.match", "comparing frames"),)),
    Kind("file-labels", "Read labels from the files", "cpu", (Stage("file_labels.read_labels", "reading"),)),
    Kind("label-file", "Read a file of labels", "cpu", (Stage("label_file.read_label_file", "reading"),)),
    Kind("manifest", "Write the manifest", "cpu", (Stage("manifest.write_manifest", "writing"),)),
    Kind("watch", "Watch a folder", "live", (Stage("watch.watch_folder", "watching"),), ends_on_request=True),
)
KINDS = {kind.name: kind for kind in _KINDS}
QUEUES = ("cpu", "gpu", "live")
