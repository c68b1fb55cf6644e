"""What no program can find out by itself about a printed figure: notes.csv, and conditions."""

from functools import cache

from archbench.csv_tables import rows_of

# What an error rate holds for, where its own row and column do not say it.
CONDITIONS = {
    "googlenet-text": "ImageNet 2012",
    "googlenet-aux": "of training, which nothing here does",
    "googlenet-evaluation": "the authors' protocol of testing",
    "googlenet-table3": "ImageNet 2012 validation set",
    "rethinking-table3": "ImageNet 2012 validation set, 48,238 images, one crop",
    "rethinking-table4": "ImageNet 2012 validation set",
    "rethinking-table5": "ImageNet 2012 validation set, ensembles; a star marks the test set",
    "inception-resnet-text": "of training, which nothing here does",
    "resnet-table2": "ImageNet 2012 validation set, 10 crops",
    "resnet-table3": "ImageNet 2012 validation set, 10 crops",
    "resnet-table5": "ImageNet 2012 test set, ensembles",
    "resnet-table6": "CIFAR-10 test set",
    "resnet-text": "ImageNet 2012",
}


@cache
def _notes() -> dict[str, str]:
    return {row["id"]: row["explanation"] for row in rows_of("papers/notes.csv")}


def note(figure: str) -> str:
    """Return what is known about a figure, a sentence or two; empty where nothing need be said."""
    return _notes().get(figure, "")
