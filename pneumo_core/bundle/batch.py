"""A graph that was traced with one film takes any number of them.

Keras's OpenVINO backend traces a network with a batch of one and writes that one into the target of
every Reshape, such as those of squeeze-and-excitation (EfficientNet): all films of a batch would
have to fit into the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def free_batch(graph: Any) -> int:
    """Let every Reshape of the OpenVINO model keep the batch it gets; how many were changed.

    Only where the batch comes in open and is fixed to 1 there; the graph is changed in place.
    """
    from pneumo_core.bundle.graph import openvino

    ov, changed = openvino(), 0
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "Reshape":
            continue
        shape, target = node.input_value(0).get_partial_shape(), node.input_value(1).get_node()
        if target.get_type_name() != "Constant" or not shape.rank.is_static or len(shape) == 0:
            continue
        sides = target.get_data()
        if not shape[0].is_dynamic or len(sides) == 0 or sides[0] != 1 or (sides < 1).any():
            continue
        wanted = ov.opset13.constant(np.array([-1, *sides[1:]], np.int64))
        node.input(1).replace_source_output(wanted.output(0))
        graph.validate_nodes_and_infer_types()  # those after it see the open batch
        changed += 1
    return changed
