"""Cores and memory of a container: control groups of both versions, drawn as folders."""

import os

import psutil
import pytest

from pneumo_core import container
from pneumo_core.bundle.openvino_graph import compile_hints

NO_LIMIT = 9223372036854771712  # as version 1 says it
GIB = 2**30


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A function: write the files of control groups, and the groups of this process."""
    monkeypatch.setattr(container, "CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(container, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(container, "_VMSTAT", tmp_path / "vmstat")
    monkeypatch.setattr(container, "_affinity", lambda: 8)

    def write(own, files):
        (tmp_path / "own").write_text(own)
        for name, text in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")

    return write


def memory_v2(folder, limit, used, files=0):
    stat = f"anon 5\nactive_file {files}\ninactive_file {files}\n"
    return {
        f"{folder}memory.max": limit,
        f"{folder}memory.current": used,
        f"{folder}memory.stat": stat,
    }


def memory_v1(folder, limit, used, files=0):
    stat = f"active_file 9\ntotal_active_file {files}\ntotal_inactive_file {files}\n"
    return {
        f"{folder}memory.limit_in_bytes": limit,
        f"{folder}memory.usage_in_bytes": used,
        f"{folder}memory.stat": stat,
    }


V1 = "4:memory:/docker/ab\n2:cpu,cpuacct:/docker/ab\n1:name=systemd:/\n0::/\n"


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "200000 100000"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000"}, 2),
        ("0::/\n", {"cpu.max": "20000 100000"}, 1),
        ("0::/\n", {"cpu.max": "max 100000"}, 8),
        ("0::/\n", {"cpu.max": "1600000 100000"}, 8),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3),
        ("0::/gone\n", {"cpu.max": "300000 100000"}, 3),
        ("0::/../..\n", {"cpu.max": "300000 100000"}, 3),
        (V1, {"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2),
        (V1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        (
            V1,
            {
                "cpu/docker/ab/cpu.cfs_quota_us": "50000",
                "cpu/docker/ab/cpu.cfs_period_us": "50000",
                "cpu/cpu.cfs_quota_us": "-1",
                "cpu/cpu.cfs_period_us": "100000",
            },
            1,
        ),
        ("", {"cpu.max": "nonsense"}, 8),
        ("", {}, 8),
    ],
)
def test_cores(groups, own, files, cores):
    groups(own, files)
    assert container.cores() == cores


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", memory_v2("", GIB, GIB // 2), (GIB, GIB // 2)),
        ("0::/\n", memory_v2("", GIB, GIB // 2, files=2**20), (GIB, GIB // 2 + 2**21)),
        ("0::/\n", memory_v2("", GIB, 2 * GIB), (GIB, 0)),
        ("0::/a/b\n", memory_v2("a/", GIB, 0) | memory_v2("a/b/", "max", 5), (GIB, GIB)),
        (V1, memory_v1("memory/", GIB, GIB // 4, files=2**20), (GIB, 3 * GIB // 4 + 2**21)),
        (
            V1,
            memory_v1("memory/", NO_LIMIT, 5) | memory_v1("memory/docker/ab/", GIB, GIB // 4),
            (GIB, 3 * GIB // 4),
        ),
    ],
)
def test_memory(groups, monkeypatch, own, files, expected):
    machine = type("Memory", (), {"total": 64 * GIB, "available": 32 * GIB})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    groups(own, files)
    assert (container.memory_limit(), container.memory_left()) == expected


@pytest.mark.parametrize(
    "files",
    [{}, memory_v2("", "max", 5), memory_v1("memory/", NO_LIMIT, 5), {"memory.max": "5"}],
)
def test_without_a_limit_it_is_the_machine_s_memory(groups, files):
    groups(V1, files)
    assert container.memory_limit() == psutil.virtual_memory().total
    assert container.memory_left() > 0


@pytest.mark.parametrize(
    ("name", "text", "ended"),
    [
        ("memory.events", "oom 9\noom_kill 3", 3),
        ("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4", 4),
        ("../vmstat", "nr_free 5\noom_kill 5", 5),
        ("other", "", 0),
    ],
)
def test_processes_ended_for_memory(groups, name, text, ended):
    groups(V1, {"x": "", name: text})
    assert container.ended_for_memory() == ended


def test_openvino_and_tensorflow_start_no_more_threads_than_the_quota(groups, monkeypatch):
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    monkeypatch.setattr(os, "environ", {"OMP_NUM_THREADS": "1"})
    groups("0::/\n", {"cpu.max": "max 100000"})
    container.limit_threads()
    assert "INFERENCE_NUM_THREADS" not in compile_hints()
    assert [os.environ.get(name) for name in names] == [None, None, "1"]
    groups("0::/\n", {"cpu.max": "300000 100000"})
    container.limit_threads()
    assert compile_hints()["INFERENCE_NUM_THREADS"] == 3
    assert [os.environ.get(name) for name in names] == ["3", "3", "1"]  # a person's own stays
