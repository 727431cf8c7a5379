"""One training over several devices: the GPUs of this machine, or several machines.

All devices hold the same network. Each sees its share of every batch, and the gradients are summed
before a step is taken, so that N devices learn what one would learn from the whole batch (Goyal et
al. 2017, Accurate, large minibatch SGD).
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from pneumo_core.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

_CHUNK = 2**26  # bytes of a file that are sent at once
_WRONG_CLUSTER = (
    "Expected TF_CONFIG to name all machines as workers, and which of them this is: "
    '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}. '
    "Correct it, or unset it to train on this machine alone."
)


@dataclass(frozen=True)
class Devices:
    """What trains together: `replicas` copies of the network on `machines` machines.

    This process is machine `number`, from 0; machine 0 is the chief, which alone writes the run,
    its history and its bundle. `strategy` is the backend's own object, None for one device.
    """

    replicas: int = 1
    machines: int = 1
    number: int = 0
    strategy: Any = None

    @property
    def chief(self) -> bool:
        """Whether this process writes the results."""
        return self.number == 0

    @property
    def sentence(self) -> str:
        """What a run prints where there is more than one device; "" for one."""
        if self.machines > 1:
            role = (
                "the chief, which writes the run" if self.chief else "a worker, which writes none"
            )
            which = f"machine {self.number + 1} of {self.machines}, {role}"
            return f"{self.replicas} devices on {self.machines} machines; this is {which}"
        return f"{self.replicas} devices, each sees its part of every batch" * (self.replicas > 1)

    def scope(self) -> AbstractContextManager[Any]:
        """The context in which variables are created and a network is trained."""
        return nullcontext() if self.strategy is None else self.strategy.scope()

    def check_batch(self, batch: int) -> None:
        """Raise TrainingError unless every device gets the same number of films of a batch."""
        if batch % self.replicas:
            fitting = self.replicas * max(1, round(batch / self.replicas))
            raise TrainingError(
                f"Expected a batch that {self.replicas} devices can share evenly; got {batch}. "
                f"Try --batch {fitting}."
            )

    def from_chief(self, value: Any) -> Any:
        """The chief's `value`, number or array, on every machine; all must call this together."""
        if self.machines == 1:
            return value
        import tensorflow as tf

        own = np.asarray(value)
        sent = tf.constant(own if self.chief else np.zeros_like(own))
        total = self.strategy.reduce("SUM", self.strategy.run(tf.identity, args=(sent,)), axis=None)
        here = self.replicas // self.machines
        return (total.numpy() / here).astype(own.dtype) if here > 1 else total.numpy()

    def text_of_chief(self, text: str) -> str:
        """The chief's `text` on every machine."""
        return self._bytes_of_chief(text.encode()).decode()

    def hand_out(self, path: Path) -> None:
        """Give every machine the chief's file at `path`, if there is one."""
        if self.machines == 1 or not self.from_chief(np.int32(path.exists())):
            return
        content = self._bytes_of_chief(path.read_bytes() if self.chief else b"")
        if not self.chief:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def _bytes_of_chief(self, own: bytes) -> bytes:
        length = int(self.from_chief(np.int64(len(own))))
        whole, got = own.ljust(length, b"\0"), []
        for start in range(0, length, _CHUNK):
            part = whole[start : start + _CHUNK]
            words = np.frombuffer(part.ljust(-(-len(part) // 4) * 4, b"\0"), np.int32)
            got.append(self.from_chief(words).tobytes()[: len(part)])
        return b"".join(got)

    @contextmanager
    def all_there(self) -> Iterator[None]:
        """Raise TrainingError where the connection to another machine is lost in between."""
        try:
            yield
        except Exception as error:
            if self.machines == 1 or not type(error).__module__.startswith("tensorflow"):
                raise
            raise TrainingError(
                "Expected all machines of TF_CONFIG to train to the end; the connection to one of "
                "them broke off, or it ended. See what it says, then start all of them again, the "
                "chief with --resume: it goes on after its last backup."
            ) from error

    def share(self, variables: Iterable[Any]) -> None:
        """Bring numeric variables to the chief's values, on every machine."""
        if self.machines > 1:
            for variable in variables:
                if variable.dtype in {"float32", "int32", "int64"}:
                    variable.assign(self.from_chief(ops.convert_to_numpy(variable)))

    def check_same(self, what: str, own: str) -> None:
        """Raise TrainingError on the machine whose `own` text is not the chief's."""
        if self.text_of_chief(own) != own:
            raise TrainingError(
                f"Expected the same {what} on every machine; those of machine "
                f"{self.number + 1} differ from the chief's. Give every machine the same command "
                "and the same films."
            )


@cache
def join_devices() -> Devices:
    """All devices that this process trains with, asked once and before the backend is used.

    TensorFlow: several machines out of TF_CONFIG (MultiWorkerMirroredStrategy), else the devices
    of this one (MirroredStrategy). JAX: the devices of this machine (keras.distribution).
    Raises TrainingError for a TF_CONFIG that cannot be used.
    """
    backend, cluster = keras.backend.backend(), _cluster()
    if cluster is not None and backend != "tensorflow":
        raise TrainingError(
            "Expected KERAS_BACKEND=tensorflow for the several machines that TF_CONFIG names; got "
            f"{backend}. Unset TF_CONFIG to train on this machine alone."
        )
    if cluster is not None:
        return _machines(*cluster)
    names = keras.distribution.list_devices() if backend in {"tensorflow", "jax"} else []
    if len(names) < 2:
        return Devices()
    if backend == "jax":
        together = keras.distribution.DataParallel(devices=names)
    else:
        import tensorflow as tf

        together = tf.distribute.MirroredStrategy(names)
    return Devices(replicas=len(names), strategy=together)


def _cluster() -> tuple[int, int] | None:
    """Machines and the number of this one, out of TF_CONFIG; None where it names but one."""
    given = os.environ.get("TF_CONFIG")
    if not given:
        os.environ.pop("TF_CONFIG", None)  # TensorFlow fails at an empty one
        return None
    try:
        config = json.loads(given)
        workers, task = config["cluster"]["worker"], config["task"]
        alike = set(config["cluster"]) == {"worker"} and task["type"] == "worker"
        count, number = len(workers), int(task["index"])
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(_WRONG_CLUSTER) from error
    if not alike or not 0 <= number < count:
        raise TrainingError(_WRONG_CLUSTER)
    return (count, number) if count > 1 else None


def _machines(count: int, number: int) -> Devices:
    import tensorflow as tf

    try:
        together = tf.distribute.MultiWorkerMirroredStrategy()
        # It warns about reductions that are called once or twice a training.
        tf.get_logger().setLevel("ERROR")
    except (tf.errors.OpError, RuntimeError) as error:
        raise TrainingError(
            "Expected to reach the machines of TF_CONFIG and to listen at the address of this one; "
            "it failed. Check the addresses, and that no other program uses the port."
        ) from error
    replicas = int(together.num_replicas_in_sync)
    return Devices(replicas=replicas, machines=count, number=number, strategy=together)
