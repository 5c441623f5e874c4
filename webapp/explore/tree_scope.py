"""The scope `node`: the frames of a part of the tree of clusters."""

from typing import Any

import numpy as np

from webapp.datasets.columns import Columns
from webapp.datasets.scopes import ScopeError, register_scope
from webapp.explore.cluster_tree import tree_of


def _frames_of_node(columns: Columns, node: Any) -> np.ndarray:
    if isinstance(node, bool) or not isinstance(node, int):
        raise ScopeError("A part of the tree is named by its number.")
    clustering = columns.products.get("cluster")
    tree = tree_of(clustering) if clustering else None
    if tree is None:
        raise ScopeError("The tree of these clusters was not kept.")
    if not 0 <= node < len(tree.parent):
        raise ScopeError(f"The tree has no part {node}. Load the page again.")
    return tree.frames_of(node)


register_scope("node", _frames_of_node, lambda columns, node: "of a part of the tree")
