"""What folders, patterns and lists stand for: one table for the portal and for the readers.

Both know nothing of each other, and a person who registers a folder has to get what a command line reads.
"""

from pathlib import Path

NAMES = (
    "night/run_1.h5",
    "night/run_2.h5",
    "night/run_10.h5",
    "night/Run_3.H5",
    "night/notes.txt",
    "night/.hidden.h5",
    "night/.run_5.h5.partial",
    "night/inner/deep.h5",
    "other/run_4.h5",
    "other/a[1].h5",
    "other/a1.h5",
    "mixed/b.tif",
    "mixed/a.cbf",
    "mixed/c.npy",
    "mixed/d.emc",
    "mixed/e.npz",
    "mixed/f.edf",
    "eiger/series_7_master.h5",
    "eiger/series_7_data_000001.h5",
    "eiger/series_7_data_000002.h5",
    "eiger/series_7_data_other.h5",
    "eiger/series_8_data_000001.h5",
    "elsewhere/series_7_data_000001.h5",
    "half/series_1_data_000001.h5",
    "empty/readme",
)

# What is asked for below the root, and the files in their order; None where it is refused.
CASES = {
    "a file": (["night/run_2.h5"], ["night/run_2.h5"]),
    "a folder in natural order": (
        ["night"],
        ["night/run_1.h5", "night/run_2.h5", "night/Run_3.H5", "night/run_10.h5"],
    ),
    "a pattern": (["night/run_*.h5"], ["night/run_1.h5", "night/run_2.h5", "night/run_10.h5"]),
    "a pattern of one letter": (["night/run_?.h5"], ["night/run_1.h5", "night/run_2.h5"]),
    "a pattern of some letters": (["night/run_[2-9].h5"], ["night/run_2.h5"]),
    "a pattern of folders": (
        ["*/run_[14].h5"],
        ["night/run_1.h5", "other/run_4.h5"],
    ),
    "a list in its own order": (["night/run_10.h5", "night/run_1.h5"], ["night/run_10.h5", "night/run_1.h5"]),
    "a file of a folder that was named before": (
        ["night/run_2.h5", "night"],
        ["night/run_2.h5", "night/run_1.h5", "night/Run_3.H5", "night/run_10.h5"],
    ),
    "a name that looks like a pattern": (["other/a[1].h5"], ["other/a[1].h5"]),
    "all formats": (
        ["mixed"],
        ["mixed/a.cbf", "mixed/b.tif", "mixed/c.npy", "mixed/d.emc", "mixed/e.npz", "mixed/f.edf"],
    ),
    "a folder with a master and its data files": (
        ["eiger"],
        ["eiger/series_7_data_other.h5", "eiger/series_7_master.h5", "eiger/series_8_data_000001.h5"],
    ),
    "a pattern that fits a master and its data files": (
        ["e*/series_7_[dm]*[1-9r].h5"],
        ["eiger/series_7_data_other.h5", "eiger/series_7_master.h5", "elsewhere/series_7_data_000001.h5"],
    ),
    "a pattern that fits data files and not their master": (
        ["eiger/series_7_data_0*.h5"],
        ["eiger/series_7_data_000001.h5", "eiger/series_7_data_000002.h5"],
    ),
    "a list with a master and one of its data files": (
        ["eiger/series_7_data_000001.h5", "eiger/series_7_master.h5"],
        ["eiger/series_7_data_000001.h5", "eiger/series_7_master.h5"],
    ),
    "a folder whose master is a link that leads out": (["half"], ["half/series_1_data_000001.h5"]),
    "a link that stays inside": (
        ["inside"],
        ["night/run_1.h5", "night/run_2.h5", "night/Run_3.H5", "night/run_10.h5"],
    ),
    "a folder with a link that leads out": (["linked"], ["linked/a.h5"]),
    "a pattern whose folder is a link that leads out": (["lin*/out/*.h5"], None),
    "a pattern with a link that leads out": (["linked/*.h5"], ["linked/a.h5"]),
    "a folder that holds nothing": (["empty"], None),
    "a pattern that fits nothing": (["night/*.cxi"], None),
    "a pattern that fits folders": (["nig*"], None),
    "a pattern for all below": (["**/*.h5"], None),
    "a pattern outside": (["../secret/*.h5"], None),
    "a pattern that climbs out": (["night/../../secret/*.h5"], None),
    "a folder outside": (["../secret"], None),
    "a folder behind a link that leads out": (["linked/out"], None),
    "a pattern behind a link that leads out": (["linked/out/*.h5"], None),
}


def lay_out(folder: Path) -> Path:
    """Make the files of the table, each of other content; return the root, beside which lies a secret."""
    root = folder / "allowed"
    for number, name in enumerate(NAMES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(bytes([number]))
    (folder / "secret").mkdir()
    (folder / "secret" / "other.h5").write_bytes(b"secret")
    (root / "linked").mkdir()
    (root / "linked" / "a.h5").write_bytes(b"a")
    (root / "linked" / "out").symlink_to(folder / "secret")
    (root / "linked" / "out.h5").symlink_to(folder / "secret" / "other.h5")
    (root / "half" / "series_1_master.h5").symlink_to(folder / "secret" / "other.h5")
    (root / "inside").symlink_to(root / "night")
    return root
