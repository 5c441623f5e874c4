"""What each page is for and what its controls do, in a few sentences, and where the help says more."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PageHelp:
    """The purpose of a page, its controls with what they do, and the section of the help."""

    purpose: str
    controls: tuple[tuple[str, str], ...] = ()
    section: str = "the-line"


HOME = PageHelp(
    "All data sets of your groups, each with how far it is, and above them what waits for you.",
    (
        ("A data set", "opens its Data page; the coloured strip shows its six steps."),
        ("Register a data set", "looks into files and asks you before it does anything."),
    ),
)
JOBS = PageHelp(
    "What the workers do now, and what they have done.",
    (
        ("State, Job, Data set, Mine", "narrow the list; “Active” keeps what ends while you watch."),
        ("Go on", "takes up a failed or cancelled job where it was; “Retry” is for those that kept nothing."),
    ),
    "jobs",
)
JOB = PageHelp(
    "One job: how far it is, what it waits for, what it made, and what it was asked for.",
    (
        ("Ask again with changes", "opens the form of this kind of job, filled as this one was."),
        ("Go on, Start over", "with the last checkpoint of a training, or without it."),
        ("Cancel", "stops it at the next heartbeat; what is finished is kept."),
    ),
    "jobs",
)
CLUSTERS = PageHelp(
    "Groups of frames that look alike, found without labels, and the map of all frames.",
    (
        ("The map", "colours frames by cluster, run or a measured number; draw an area to see its frames."),
        ("A cluster's card", "shows typical members, and opens all of them."),
        ("The label bar", "gives a class to what is chosen, be it frames, an area or a cluster."),
        ("Cluster again", "reads other clusters from the same tree; it takes seconds."),
    ),
    "clusters",
)
FRAME = PageHelp(
    "One frame, in full resolution and as the networks see it.",
    (
        ("Display", "limits, scale and colours; with one scale frames can be compared."),
        ("Radial profile", "the mean counts about the beam centre; the ring marks a radius."),
        (
            "Why this class?",
            "asks a worker which parts of the frame spoke for each class, and overlays them.",
        ),
    ),
    "one-frame",
)
LABEL = PageHelp(
    "Give classes to frames, one by one or a page at a time.",
    (
        ("Show", "which frames come next: by number, at random, those a network is unsure of, and more."),
        ("A class's key", "gives or takes the class; what you press is saved at once and can be undone."),
        ("Go on after each key", "shows the next frame as soon as one class is given."),
    ),
    "labelling",
)
REGISTER = PageHelp(
    "Choose files on the server or send them from here. They are only ever read.",
    (
        ("Folders", "below the allowed roots; a folder, a pattern or a list of files is one data set."),
        ("Upload", "goes on where it was when the same file is chosen again."),
    ),
    "files",
)
RECIPE = PageHelp(
    "Draw masks, move the beam centre, and say how frames are condensed.",
    (
        ("Preview", "shows what would be masked, before anything is computed."),
        ("Condensing", "makes new condensed frames; the old ones stay and can be chosen again."),
    ),
    "files",
)
DATA = PageHelp(
    "What the frames are: their files, mean and maximum, hits, and all that is known of each frame.",
    (
        ("Sort this data set", "does all steps that are left, up to the manifest."),
        ("Look again", "takes in frames that were added since, or follows files that were moved."),
        ("Runs", "shows a row for each run; “Compare results” sets two results against each other."),
    ),
)
LEARN = PageHelp(
    "A network learns, without labels, a few numbers that describe each pattern.",
    (
        ("Curve", "falls and levels off; point at it to read a value."),
        ("Learn again", "with another seed, length or start; results further along become older than it."),
        ("Cluster with this network", "finds clusters by a network of another data set; nothing is trained."),
    ),
    "the-line",
)
NETWORK = PageHelp(
    "Networks of your groups, with the card of how each came about and how good it is.",
    (
        ("Search, Kind, Learned from", "narrow the list; “Used” says where a network is current now."),
        ("Name, Note, Archive", "what people say of a network; an archived one is kept, but not offered."),
        ("Lineage", "from the frames over the network to what was made with it."),
        ("Export as one file, Import", "take a network to another facility; each part is checked."),
        ("Download the card", "all figures, settings and versions as JSON."),
    ),
    "networks",
)
SORT = PageHelp(
    "A network learns from your labels and sorts all frames.",
    (
        ("Train and sort", "learns from all labels there are now, sorts, and writes a manifest."),
        ("A class", "opens the frames that were sorted into it, the surest or the most doubtful first."),
        (
            "What to label next",
            "ranks classes by what more labels of them would bring; “Label” opens their queue.",
        ),
        ("Doubtful labels", "shows labels that look wrong, to be corrected or to be let stand."),
        ("Use a network that is there", "networks of other data sets, those that fit these frames first."),
        ("Use this one again", "makes an earlier classifier the current one, which all pages follow."),
    ),
    "sorting",
)
DOWNLOAD = PageHelp(
    "The manifest: a line for each frame with its cluster, class and probability, and how it came about.",
    (
        ("CSV, Parquet", "the same list; a cut-off download can be continued."),
        ("Audits", "how far the blind readings of promised classes are, and what they prove so far."),
    ),
    "downloading",
)
LIVE = PageHelp(
    "Sort frames while they are recorded: a watched folder, a network, and a ledger of every frame.",
    (("Hold still", "stops the page from changing; the sorting goes on."),),
    "live",
)
LABEL_FILE = PageHelp(
    "What a file of labels says of the frames of this data set, before anything is taken in.",
    (
        ("Classes", "new ones are added where they are ticked; labels with others are left out."),
        ("Take in", "appends the labels; “Take back” undoes all of them as one act."),
    ),
    "taking-labels-in",
)
WRITE = PageHelp(
    "Which frames a manifest has, and as which files.",
    (
        ("Filters", "a frame has to pass all that are set; the number below follows as you set them."),
        (
            "Purity",
            "keeps the surest frames of each class, as many as can be promised; else says what is missing.",
        ),
        (
            "Audit",
            "draws random frames of a class, to be read blind: it proves a purity without any assumption.",
        ),
        ("Files", "those that do not apply to this data set are grey, with the reason."),
        ("Write this manifest", "freezes the choice; the card says the rule in words and as JSON."),
    ),
    "downloading",
)
COMPARE = PageHelp(
    "Two results of the same frames against each other.",
    (
        ("Rows, Columns", "two of: clusterings, classifications, labels, runs."),
        ("A number", "leads to the frames that are in both."),
        ("Shade", "the share of the row or of the column."),
    ),
    "comparing",
)
CLASSIFIERS = PageHelp(
    "Classifiers against each other, on labelled frames that none of them learned from.",
    (
        ("Ask", "what networks of other data sets say of the frames that are labelled here."),
        ("Better on these frames", "the difference of macro-F1 with its interval, or “not told apart”."),
        ("First alone, Second alone", "lead to the frames on which one of the two alone is right."),
    ),
    "networks",
)
RUNS = PageHelp(
    "A row for each run: frames, hits, photons, and what its frames are.",
    (
        ("A heading", "sorts by it; “Sort by” also by the share of a class or cluster."),
        ("A run", "opens its frames."),
    ),
    "runs",
)
NOTICES = PageHelp(
    "Jobs of yours that have ended, in the page and by mail.",
    (("Mails", "which mails you get, and where to."),),
    "notices",
)
GROUP = PageHelp("Who belongs to a group, and its data sets.", section="groups")
HELP = PageHelp("What Fringe is, and how each part of it is used.", section="top")

PAGES = {
    "portal:home": HOME,
    "portal:help": HELP,
    "portal:group-detail": GROUP,
    "portal:dataset-compare": COMPARE,
    "portal:dataset-runs": RUNS,
    "jobs:job-list": JOBS,
    "jobs:job-detail": JOB,
    "datasets:dataset-recipe": RECIPE,
    "datasets:dataset-register": REGISTER,
    "datasets:dataset-draft": REGISTER,
    "explore:frame-detail": FRAME,
    "networks:dataset-learn": LEARN,
    "manifests:dataset-download": DOWNLOAD,
    "manifests:networks-compare": CLASSIFIERS,
    "manifests:dataset-write": WRITE,
    "labels:label-file": LABEL_FILE,
}
ROOMS = {
    "portal": DATA,
    "jobs": JOBS,
    "datasets": DATA,
    "uploads": REGISTER,
    "notices": NOTICES,
    "networks": NETWORK,
    "explore": CLUSTERS,
    "labels": LABEL,
    "manifests": SORT,
    "live": LIVE,
}


def help_of(view_name: str) -> PageHelp | None:
    """Return the help of a page by the name of its route, or else that of its room."""
    return PAGES.get(view_name) or ROOMS.get(view_name.partition(":")[0])
