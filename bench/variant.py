"""A trained network in another form, its weights untouched: input size, map, and blind edge.

The last stage of ResNet50V2 halves its map in its last block. Without that step the block computes
the same values and three more between each two: a map of twice the cells each way, for 5 % more
arithmetic. Cells at the edge of the window can be set to zero, so that what lies there is seen by
its neighbours and judged by none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RESIDUAL = "conv4_block6_2_conv"  # halves the last map, as the last pooling does beside it


@dataclass(frozen=True)
class Form:
    """size: side of the input in pixels; edge: cells on each side of the map not judged."""

    size: int
    edge: int = 0

    @property
    def name(self) -> str:
        """For files."""
        return f"{self.size}-{self.edge}"

    @property
    def words(self) -> str:
        """What a card says of it."""
        cells = self.size // 16
        inner = cells - 2 * self.edge
        return f"{cells} × {cells} cells, of which the inner {inner} × {inner} are judged"


def in_form(network: Any, form: Form) -> Any:
    """The Keras model `network`, ResNet50V2 cut after its fourth stage, in another form."""
    import keras
    from keras import layers

    pooling = [one for one in network.layers if isinstance(one, layers.MaxPooling2D)][-1]

    def changed(layer: Any) -> Any:
        config = layer.get_config()
        if layer.name in (RESIDUAL, pooling.name):
            config["strides"] = (1, 1)
        return layer.__class__.from_config(config)

    film = keras.Input((form.size, form.size, 1), name="film")
    dense = keras.models.clone_model(network, input_tensors=film, clone_function=changed)
    dense.set_weights(network.get_weights())
    found = dense.get_layer("features").input
    cells = found.shape[1]
    if form.edge:
        found = layers.Cropping2D(form.edge, name="judged")(found)
        found = layers.ZeroPadding2D(form.edge, name="edge")(found)
        # The zeros count in the mean over all cells.
        found = layers.Rescaling((cells / (cells - 2 * form.edge)) ** 2, name="inner_mean")(found)
    found = layers.Activation("linear", name="features")(found)
    pooled = layers.GlobalAveragePooling2D(name="pooled")(found)
    head = network.get_layer("logits")
    logits = layers.Dense(head.units, name="logits")
    made = keras.Model(film, logits(pooled), name=network.name)
    logits.set_weights(head.get_weights())
    return made
