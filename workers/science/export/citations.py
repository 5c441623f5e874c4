"""Publications that the methods paragraph of a manifest refers to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Citation:
    """A publication: its key, how a sentence names it, and its BibTeX entry."""

    key: str
    short: str
    bibtex: str


def _entry(key: str, short: str, kind: str, **fields: str) -> Citation:
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return Citation(key, short, f"@{kind}{{{key},\n{lines}\n}}\n")


CITATIONS = {
    entry.key: entry
    for entry in (
        _entry(
            "kim2018",
            "Kim & Mnih, 2018",
            "inproceedings",
            author="Kim, Hyunjik and Mnih, Andriy",
            title="Disentangling by Factorising",
            booktitle="Proceedings of the 35th International Conference on Machine Learning",
            pages="2649--2658",
            year="2018",
            eprint="1802.05983",
            archiveprefix="arXiv",
        ),
        _entry(
            "mcinnes2017",
            "McInnes & Healy, 2017",
            "inproceedings",
            author="McInnes, Leland and Healy, John",
            title="Accelerated Hierarchical Density Based Clustering",
            booktitle="2017 IEEE International Conference on Data Mining Workshops (ICDMW)",
            pages="33--42",
            year="2017",
            doi="10.1109/ICDMW.2017.12",
            eprint="1705.07321",
            archiveprefix="arXiv",
        ),
        _entry(
            "zimmermann2019",
            "Zimmermann et al., 2019",
            "article",
            author="Zimmermann, Julian and others",
            title="Deep neural networks for classifying complex features in diffraction images",
            journal="Physical Review E",
            volume="99",
            pages="063309",
            year="2019",
            doi="10.1103/PhysRevE.99.063309",
            eprint="1903.02779",
            archiveprefix="arXiv",
        ),
        _entry(
            "zhou2003",
            "Zhou et al., 2003",
            "inproceedings",
            author="Zhou, Dengyong and Bousquet, Olivier and Lal, Thomas N. and Weston, Jason and "
            'Sch{\\"o}lkopf, Bernhard',
            title="Learning with Local and Global Consistency",
            booktitle="Advances in Neural Information Processing Systems 16",
            year="2003",
        ),
        _entry(
            "guo2017",
            "Guo et al., 2017",
            "inproceedings",
            author="Guo, Chuan and Pleiss, Geoff and Sun, Yu and Weinberger, Kilian Q.",
            title="On Calibration of Modern Neural Networks",
            booktitle="Proceedings of the 34th International Conference on Machine Learning",
            pages="1321--1330",
            year="2017",
            eprint="1706.04599",
            archiveprefix="arXiv",
        ),
        _entry(
            "angelopoulos2021",
            "Angelopoulos et al., 2021",
            "misc",
            author="Angelopoulos, Anastasios N. and Bates, Stephen and Cand{\\`e}s, Emmanuel J. and "
            "Jordan, Michael I. and Lei, Lihua",
            title="Learn then Test: Calibrating Predictive Algorithms to Achieve Risk Control",
            year="2021",
            eprint="2110.01052",
            archiveprefix="arXiv",
        ),
        _entry(
            "waudbysmith2020",
            "Waudby-Smith and Ramdas, 2020",
            "inproceedings",
            author="Waudby-Smith, Ian and Ramdas, Aaditya",
            title="Confidence sequences for sampling without replacement",
            booktitle="Advances in Neural Information Processing Systems 33",
            year="2020",
            eprint="2006.04347",
            archiveprefix="arXiv",
        ),
    )
}
