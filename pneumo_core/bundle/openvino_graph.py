"""The network of a bundle as an OpenVINO graph: run, and converted from Keras.

The graph takes float32 (N,S,S,1) in 0..255, any N, and has three outputs: "logits" (N,C),
"features" (N,h,w,K) and the constant "head_kernel" (K,C), of which class activation maps are made.
"""

from __future__ import annotations

import importlib
import os
import platform
import queue
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.container import openvino_threads
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


OUTPUTS = ("logits", "features", "head_kernel")
_NICENESS = 10  # 0 is usual, 19 the last of all


def openvino() -> Any:
    """The openvino module, without its telemetry.

    Left to itself, importing OpenVINO reports to Google Analytics and leaves an identifier in the
    home folder. Where its telemetry package cannot be imported it uses an empty stand-in.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")


def compile_hints(*, throughput: bool = False) -> dict[str, Any]:
    """How a graph is compiled: on all cores that it may use, in float32 arithmetic."""
    hint = "THROUGHPUT" if throughput else "LATENCY"
    hints = {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": "f32"}
    return {**hints, **openvino_threads()}


class Requests:
    """A graph on this machine's CPU, and the requests through which threads share it.

    Latency form: one request on all cores, for a person who waits for one image; on Linux its
    threads give way, so that hundreds of images leave the processor to pages and to the browser.
    Throughput form (`throughput`): as many streams as OpenVINO thinks best, one to a few cores
    each, for folders.
    Files are read into memory, not mapped: a mapped file that is overwritten changes the network's
    answers or ends the process. float32 arithmetic: bfloat16 is faster where the CPU has it, but
    moves probabilities by up to 0.004, beyond the 0.001 within which Keras and OpenVINO must agree;
    8 bits change decisions (docs/scale.md). Raises RuntimeError where the graph cannot be used.
    """

    def __init__(self, path: Path, *, throughput: bool = False) -> None:
        core = openvino().Core()
        core.set_property({"ENABLE_MMAP": False})
        self.graph = core.read_model(path)
        hints = compile_hints(throughput=throughput)
        with ThreadPoolExecutor(1, initializer=None if throughput else _give_way) as maker:
            # The threads that OpenVINO starts take over the priority of the one that starts them.
            compiled = maker.submit(core.compile_model, self.graph, "CPU", hints).result()
        self.streams = max(1, int(compiled.get_property("NUM_STREAMS"))) if throughput else 1
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(self.streams):
            self._free.put(compiled.create_infer_request())

    def infer(self, films: NDArray[np.float32]) -> Any:
        """The outputs, by name or number, for one input; waits for its turn."""
        request = self._free.get()
        try:
            return request.infer({0: films}, share_inputs=True)
        finally:
            self._free.put(request)


def _give_way() -> None:
    """Lower the priority of this thread: whatever else wants the processor goes first."""
    if sys.platform != "linux":  # elsewhere a priority belongs to the whole process
        return
    thread = threading.get_native_id()
    lowest = max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread))  # nobody may raise it again
    with suppress(OSError):  # a container may forbid it, and films are read all the same
        os.setpriority(os.PRIO_PROCESS, thread, lowest)


class Graph:
    """The graph of a bundle, compiled for this machine's CPU. Safe to share between threads.

    `throughput` as of `Requests`; `streams` is how many threads it serves at once. Raises
    BundleError.
    """

    def __init__(self, path: Path, *, throughput: bool = False) -> None:
        try:
            self._requests = Requests(path, throughput=throughput)
            self.head_kernel = _constant(self._requests.graph.output("head_kernel"))
        except RuntimeError as error:
            raise BundleError(
                f"Expected an OpenVINO graph with the outputs {', '.join(OUTPUTS)} in {path.name}; "
                "it cannot be used. Restore the bundle or train it again."
            ) from error
        self.streams = self._requests.streams

    def __call__(
        self, films: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (N,C) and features (N,h,w,K), float32, of films float32 (N,S,S,1) in 0..255."""
        found = self._requests.infer(films)
        return found["logits"], found["features"]


def write_graph(network: Path, target: Path, *, half: bool) -> None:
    """Convert the Keras model file `network` to `target` (.xml, with .bin beside it).

    `half` stores kernels as float16; they are computed with as float32 all the same. Vectors stay
    float32: their rounding would cost more than it saves. Works under any Keras backend. Raises
    BundleError.
    """
    import keras

    ov = openvino()
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        draft = Path(scratch) / "draft.xml"
        if keras.backend.backend() == "tensorflow":
            export(network, draft)
        else:
            _export_elsewhere(network, draft)
        graph = ov.Core().read_model(draft)
        free_batch(graph)
        kernel = np.load(draft.with_suffix(".npy"))
        if half:
            _halve(graph)
        ov.save_model(_named(graph, kernel), target, compress_to_fp16=False)


def write_single_output(model: Any, target: Path, *, half: bool) -> None:
    """Convert a Keras model of one input and one output to `target` (.xml, with .bin beside it).

    `half` as in `write_graph`. Under the TensorFlow backend only.
    """
    ov = openvino()
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        draft = Path(scratch) / "draft.xml"
        with _versions_given():
            model.export(str(draft), format="openvino", verbose=False)
        graph = ov.Core().read_model(draft)
        free_batch(graph)
        if half:
            _halve(graph)
        ov.save_model(graph, target, compress_to_fp16=False)


def export(network: Path, draft: Path) -> None:
    """Export both outputs of a Keras model file to `draft` (.xml), its head kernel to .npy."""
    import keras

    from pneumo_core.bundle.keras_network import load_network

    model = load_network(network)
    both = keras.Model(model.inputs, [model.get_layer(name).output for name in OUTPUTS[:2]])
    if keras.backend.backend() == "tensorflow":
        _convert(both, draft)
    else:
        both.export(str(draft), format="openvino", verbose=False)
    kernel = keras.ops.convert_to_numpy(model.get_layer("logits").kernel)
    np.save(draft.with_suffix(".npy"), np.float32(kernel))


def _convert(model: Any, draft: Path) -> None:
    """Write what Keras' own export does, in half its time: that traces twice, for SavedModel."""
    import tensorflow as tf

    called = tf.function(lambda film: model(film, training=False), autograph=False)
    traced = called.get_concrete_function(tf.TensorSpec(model.input_shape, "float32"))
    with _versions_given():
        graph = openvino().convert_model(traced)
    openvino().serialize(graph, draft)


def write_shifted(graph: Path, target: Path, shift: NDArray[np.float32]) -> None:
    """Write the graph file `graph` to `target` with `shift` (C,) added to its logits."""
    ov = openvino()
    model = ov.Core().read_model(graph)
    result = next(one for one in model.get_results() if "logits" in one.output(0).get_names())
    logits = result.input_value(0)
    logits.tensor.set_names(set())
    shifted = ov.opset13.add(logits, ov.opset13.constant(np.asarray(shift, np.float32)[np.newaxis]))
    shifted.output(0).tensor.set_names({"logits"})
    result.input(0).replace_source_output(shifted.output(0))
    model.validate_nodes_and_infer_types()
    ov.save_model(model, target, compress_to_fp16=False)


@contextmanager
def _versions_given() -> Iterator[None]:
    """OpenVINO's converter gets the versions from here instead of its own function.

    That of OpenVINO 2026.4 imports TensorFlow inside `exec` and deletes the name in a second one,
    which is a NameError from Python 3.13 on (PEP 667).
    """
    utils: Any = importlib.import_module("openvino.frontend.tensorflow.utils")
    asked = utils.get_environment_setup
    utils.get_environment_setup = lambda framework: {
        "python_version": platform.python_version(),
        "sys_platform": sys.platform,
        "tensorflow": importlib.import_module("tensorflow").__version__
        if framework == "tf"
        else "",
    }
    try:
        yield
    finally:
        utils.get_environment_setup = asked


def _export_elsewhere(network: Path, draft: Path) -> None:
    """Export in a process of its own: Keras cannot change its backend once it is imported."""
    code = (
        "import sys, pathlib; "
        "from pneumo_core.bundle.openvino_graph import export, openvino; openvino(); "
        "export(*map(pathlib.Path, sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(network), str(draft)],
        env={**os.environ, "KERAS_BACKEND": "openvino"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        fault = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise BundleError(
            f"Expected the network to convert to OpenVINO, got: {fault[0]}. Write the bundle where "
            "TensorFlow is installed (KERAS_BACKEND=tensorflow)."
        )


def free_batch(graph: Any) -> int:
    """Let every Reshape of an OpenVINO model keep the batch size it is given; how many changed.

    Only where a dynamic batch is fixed to 1; the graph is changed in place.
    """
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
        graph.validate_nodes_and_infer_types()  # later nodes see the dynamic batch
        changed += 1
    return changed


def _halve(graph: Any) -> None:
    """Replace float32 kernels by float16 ones and a widening, which compiling folds away."""
    ov = openvino()
    for node in graph.get_ops():
        if node.get_type_name() != "Constant" or node.get_element_type() != ov.Type.f32:
            continue
        if sum(side > 1 for side in node.get_shape()) > 1:
            narrow = ov.opset13.constant(np.float16(node.get_data()))
            wide = ov.opset13.convert(narrow, "f32").output(0)
            for reader in node.output(0).get_target_inputs():
                reader.replace_source_output(wide)


def _named(graph: Any, kernel: NDArray[np.float32]) -> Any:
    """The same graph with its outputs named and the head's kernel as a third."""
    ov = openvino()
    constant = ov.opset13.constant(kernel)
    nodes = [graph.output(0).get_node(), graph.output(1).get_node()]
    by_rank = {node.input_value(0).get_partial_shape().rank.get_length(): node for node in nodes}
    results = []
    for source, name in zip((by_rank[2], by_rank[4], constant), OUTPUTS, strict=True):
        value = source.output(0) if source is constant else source.input_value(0)
        result = ov.opset13.result(value)
        result.output(0).tensor.set_names({name})
        results.append(result)
    return ov.Model(results, graph.get_parameters(), "pneumo")


def _constant(output: Any) -> NDArray[np.float32]:
    """The array behind an output that computes nothing."""
    return np.array(output.get_node().input_value(0).get_node().get_data(), dtype=np.float32)
