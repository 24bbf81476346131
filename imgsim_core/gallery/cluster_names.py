"""What a cluster shows, in the words of a model that knows the names of things."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgsim_core.errors import ModelError
from imgsim_core.gallery.clusters import Cluster
from imgsim_core.gallery.gallery import Gallery, Snapshot
from imgsim_core.models.catalogue import Model, model_by_id
from imgsim_core.models.sentences import class_names
from imgsim_core.models.words import class_logits

LEAST_SHARE = 0.2
"""Share of a cluster that must be of one class for its name to be the cluster's."""

_ASKED = 300  # members of a cluster that are judged


@dataclass(frozen=True)
class ClusterName:
    """What the model calls a cluster's pictures, in English.

    Parameters
    ----------
    common : str
        The most common class among the members; "" if none is common enough.
    share : float
        Share of the members whose likeliest class it is, 0 to 1.
    examples : tuple of str
        Likeliest class of each picture that stands for the cluster, none twice.
    """

    common: str
    share: float
    examples: tuple[str, ...]


def cluster_names(
    gallery: Gallery, snapshot: Snapshot, clusters: tuple[Cluster, ...]
) -> tuple[ClusterName | None, ...]:
    """Name clusters by what the gallery's own model recognises in most of their pictures.

    Parameters
    ----------
    gallery : Gallery
    snapshot : Snapshot
        Of this gallery.
    clusters : tuple of Cluster
        Rows of the snapshot.

    Returns
    -------
    tuple of ClusterName or None
        All None if the model names no classes or is not on this host. No picture is opened:
        the model's last layer judges the vectors.
    """
    nameless = (None,) * len(clusters)
    try:
        model = model_by_id(gallery.info.model)
        if not model.classes or not clusters:
            return nameless
        return tuple(_name(model, snapshot, cluster) for cluster in clusters)
    except ModelError:
        return nameless


def _name(model: Model, snapshot: Snapshot, cluster: Cluster) -> ClusterName:
    rows = cluster.rows
    if len(rows) > _ASKED:
        rows = np.sort(np.random.default_rng(0).choice(rows, _ASKED, replace=False))
    kinds, counts = np.unique(_likeliest(model, snapshot, rows), return_counts=True)
    share = float(counts.max() / len(rows))
    common = share >= LEAST_SHARE and counts.max() > 1
    shown = _likeliest(model, snapshot, np.array(cluster.representatives))
    names = class_names()
    return ClusterName(
        names[int(kinds[counts.argmax()])] if common else "",
        share,
        tuple(dict.fromkeys(names[int(one)] for one in shown)),
    )


def _likeliest(model: Model, snapshot: Snapshot, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Likeliest class of each picture, shape (n,)."""
    lengths = np.array([snapshot.entries[row].length for row in rows], np.float32)
    found: NDArray[np.int64] = class_logits(model, snapshot.vectors[rows], lengths).argmax(axis=1)
    return found
