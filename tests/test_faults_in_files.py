"""Damaged and crafted files: each is refused in one sentence, or gives what was saved; nothing else is ever loaded."""
import collections
import gzip
import io
import json
import os
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from faulty_files import IDENTITY, KINDS, SHAPE, STATE, damaged

from spikelearn import SpikelearnError
from spikelearn.boltzmann import files as machines
from spikelearn.images.idx_files import read_idx
from spikelearn.images.own_images import load_own_images
from spikelearn.results import Result, load, save
from spikelearn.results import files as results
from spikelearn.results.archives import content_sha256, read_arrays
from spikelearn.results.provenance import checksum_of
from spikelearn.training.checkpoint import FORMAT, checkpointing, load_checkpoint, save_checkpoint

SEED = int(os.environ["SPIKELEARN_SEED"])
FEW, MANY = 25, 2500        # of each of the eight kinds: 200 and 20,000


def faults(kind, folder, numbers):
    """How often a damaged file was refused, and how often it gave the same as the whole one."""
    kind.write(folder)
    files = {name: (folder / name).read_bytes() for name in kind.main}
    whole, counted = kind.read(folder), collections.Counter()
    for number in numbers:
        name, damage, data = damaged(number, files, kind.ours)
        (folder / name).write_bytes(data)
        try:
            found = "the same" if kind.read(folder) == whole else f"other content of {name} (number {number}, {damage})"
        except SpikelearnError as error:
            found = "refused" if "\n" not in str(error) else f"several lines (number {number})"
        except Exception as error:
            found = f"{type(error).__name__} of {name} (number {number}, {damage})"
        counted[found] += 1
        (folder / name).write_bytes(files[name])
    assert kind.read(folder) == whole
    return counted


@pytest.mark.parametrize("kind", KINDS)
def test_no_damaged_file_is_accepted(kind, tmp_path):
    counted = faults(KINDS[kind], tmp_path, range(SEED, SEED + FEW))
    assert set(counted) <= {"refused", "the same"} and counted["refused"] > FEW // 2, (SEED, counted)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_none_of_twenty_thousand_damaged_files_is_accepted(kind, tmp_path):
    counted = faults(KINDS[kind], tmp_path, range(SEED, SEED + MANY))
    print(f"{kind}: {dict(counted)}")
    assert set(counted) <= {"refused", "the same"} and counted["refused"] > MANY // 2, (SEED, counted)


# --- crafted files, whose checksums are right --------------------------------------------------------------------

def checkpoint(path, arrays=None, **facts):
    """A checkpoint with entries replaced, None = left out, and the SHA-256 of what it says."""
    save_checkpoint(path, STATE, IDENTITY)
    with np.load(path) as file:
        kept = {name: file[name] for name in file.files}
    stated = json.loads(str(kept.pop("facts"))) | facts
    kept = {name: array for name, array in {**kept, **(arrays or {})}.items() if array is not None}
    stated["arrays"] = sorted(kept)
    stated.pop("sha256")
    stated["sha256"] = content_sha256(stated, kept)
    np.savez(path, facts=np.array(json.dumps(stated)), **kept)


@pytest.mark.parametrize("facts", [
    dict(epoch=1e9), dict(epoch=10**9), dict(epoch=.5), dict(epoch=-1), dict(epoch=True), dict(epoch="1"),
    dict(chunk=1.5), dict(chunks=None), dict(identity=[]), dict(identity={"seed": 1}), dict(format=5), dict(epoch=0),
], ids=str)
def test_a_crafted_checkpoint_with_other_facts_is_refused(tmp_path, facts):
    checkpoint(tmp_path / "x.npz", **facts)
    with pytest.raises(SpikelearnError, match="x.npz' is (damaged or )?no checkpoint"):
        load_checkpoint(tmp_path / "x.npz", IDENTITY)


@pytest.mark.parametrize("arrays", [
    {"weights/w": np.ones((3, 4), complex)}, {"weights/w": None}, {"mean_weights/w": np.ones(3)},
    {"curve/error": np.ones((1, 2))}, {"curve/error": np.ones(3)}, {"curve/error": np.array(["a", "b"])},
    {"tally": None}, {"tally": np.array([np.inf])}, {"tally": -np.ones(6)}, {"other": np.ones(2)},
    {"else/w": np.ones(2)}, {"weights/w": np.array([b"x"])},
], ids=lambda arrays: f"{next(iter(arrays))} {getattr(next(iter(arrays.values())), 'shape', None)}")
def test_a_crafted_checkpoint_with_other_arrays_is_refused(tmp_path, arrays):
    checkpoint(tmp_path / "x.npz", arrays)
    with pytest.raises(SpikelearnError, match="x.npz' is damaged or no checkpoint"):
        load_checkpoint(tmp_path / "x.npz", IDENTITY)


@pytest.mark.parametrize("arrays", [{"weights/w": np.ones((4, 3)), "mean_weights/w": None},
                                    {"weights/w": np.ones((3, 4), int)}, {"weights/b": None}, {"tally": np.ones(2)}],
                         ids=["shape", "type", "name", "tally"])
def test_weights_that_are_not_those_of_the_training_are_refused(tmp_path, arrays):
    path = tmp_path / "x.npz"
    checkpoint(path, arrays)
    with pytest.raises(SpikelearnError, match="is damaged: "), checkpointing(path, path, IDENTITY, STATE, 5):
        pass


def test_a_checkpoint_of_the_version_before_is_resumed_and_a_later_one_is_not_taken_for_one(tmp_path):
    path = tmp_path / "x.npz"
    save_checkpoint(path, STATE, IDENTITY)
    with np.load(path) as file:
        kept = {name: file[name] for name in file.files}
    facts = json.loads(str(kept.pop("facts")))
    without = {name: fact for name, fact in facts.items() if name != "sha256"}
    np.savez(path, facts=np.array(json.dumps(without | {"format": "spikelearn checkpoint 4"})), **kept)
    assert np.array_equal(load_checkpoint(path, IDENTITY).weights["w"], STATE.weights["w"])
    for wrong in (without, facts | {"format": "spikelearn checkpoint 4", "sha256": "0" * 64}):
        np.savez(path, facts=np.array(json.dumps(wrong)), **kept)
        with pytest.raises(SpikelearnError, match="damaged"):
            load_checkpoint(path, IDENTITY)
    assert FORMAT.endswith(" 5")


@pytest.mark.parametrize("change", [
    dict(layers=1.5), dict(layers=10**9), dict(layers=-1), dict(biases_1=np.ones(2)),
    dict(weights_0=np.ones((4, 3), "c16")), dict(lateral_0=np.ones((3, 3))), dict(other=np.ones(1))], ids=str)
def test_a_crafted_machine_is_refused(tmp_path, change):
    KINDS["machine"].write(tmp_path)
    arrays = read_arrays(tmp_path / "m.npz") | {name: value for name, value in change.items() if name != "layers"}
    facts = json.loads(str(arrays.pop("facts"))) | {name: change[name] for name in change if name == "layers"}
    facts["arrays"] = sorted(arrays)
    del facts["sha256"]
    facts["sha256"] = content_sha256(facts, arrays)
    np.savez(tmp_path / "m.npz", facts=np.array(json.dumps(facts)), **arrays)
    with pytest.raises(SpikelearnError, match="is damaged or no Boltzmann machine"):
        machines.load(tmp_path / "m.npz")


def test_an_edited_headline_is_refused_also_in_results_of_earlier_versions(tmp_path):
    save(Result("p", {}, {"x": 1.0}, {"headline": [{"name": "x", "value": 1.0}]}), tmp_path / "r")
    run = json.loads((tmp_path / "r" / "run.json").read_text())
    older = {name: value for name, value in run.items() if name != "checksum"} | {"format": "spikelearn result 1"}
    for written, ok in ((run, True), (older, True), (run | {"headline": {"x": 2.0}}, False),
                        (older | {"headline": {"x": 2.0}}, False), (older | {"format": run["format"]}, False)):
        (tmp_path / "r" / "run.json").write_text(json.dumps(written))
        if ok:
            assert load(tmp_path / "r").headline == {"x": 1.0}
            continue
        with pytest.raises(SpikelearnError, match="was edited after it was saved"):
            load(tmp_path / "r")


@pytest.mark.parametrize("change", [
    dict(headline={"x": "1e999"}), dict(headline=[]), dict(arrays={}), dict(arrays={"x": ["<f8", [2]]}),
    dict(protocol=5), dict(sha256=None)], ids=str)
def test_a_crafted_run_is_refused(tmp_path, change):
    save(Result("p", {"x": [1.0]}, {"x": 1.0}), tmp_path / "r")
    path = tmp_path / "r" / "run.json"
    run = json.loads(path.read_text()) | change
    path.write_text(json.dumps(run | {"checksum": checksum_of(run)}).replace('"1e999"', "NaN"))
    with pytest.raises(SpikelearnError, match="damaged"):
        load(tmp_path / "r")


# --- headers that lie, and archives that unpack to more than they are ---------------------------------------------

def npy(descr="'<f8'", shape="(2,)", data=bytes(16), more=""):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}{more}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def archive(members, packed=False):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as file:
        for name, data in members:
            file.writestr(name, data)
    return made.getvalue()


LIES = {
    "8 GB": npy(shape=f"({10**9},)"), "more than memory": npy(shape=f"({10**30},)"), "negative": npy(shape="(-2,)"),
    "overflow": npy(shape=f"({2**62}, 4)"), "no shape": npy(shape="None"), "nested": npy(shape="(" * 4000),
    "deep": npy(descr="[" * 150 + "'<f8'" + "]" * 150), "objects": npy("'|O'"), "records": npy("[('a', '<f8')]"),
    "no such type": npy("'<f7'"), "empty text": npy("'<U0'", shape=f"({10**18},)", data=b""),
    "another key": npy(more=", 'x': 1"), "syntax": npy(shape="(2,"), "code": npy(shape="(__import__('os').getpid(),)"),
    "long": npy(more=" " * 20_000), "short": npy(data=bytes(8)), "longer": npy(data=bytes(24)), "none": b"",
    "version": npy().replace(b"\x01\x00", b"\x09\x00", 1), "truth": npy(shape="(True, 2)"),
    "float": npy(shape="(2.0,)"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_refused_before_its_array_is_made(tmp_path, lie):
    path = tmp_path / "x.npz"
    path.write_bytes(archive([("facts.npy", LIES[lie])]))
    tracemalloc.start()
    try:
        with pytest.raises(SpikelearnError, match="damaged or no checkpoint"):
            load_checkpoint(path, IDENTITY)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def stating(content, size):
    """The archive whose only member is said to unpack to `size` bytes, in both of its headers."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        old = struct.pack("<I", file.infolist()[0].file_size)
    assert content.count(old) >= 2
    return content.replace(old, struct.pack("<I", size))


def refused(read, path, most=30e6):
    """The sentence of a reader that refuses a file with little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(SpikelearnError) as refusal:
            read(path)
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()
    return str(refusal.value)


def test_no_archive_unpacks_to_more_than_it_may(tmp_path, monkeypatch):
    path, large = tmp_path / "x.npz", npy("'|u1'", "(40000000,)", bytes(4 * 10**7))
    path.write_bytes(archive([("weights/w.npy", large)], packed=True))
    assert path.stat().st_size < 200_000
    assert "damaged" in refused(lambda path: load_checkpoint(path, IDENTITY), path)     # it is never compressed
    path.write_bytes(stating(path.read_bytes(), 1000))
    assert "damaged" in refused(lambda path: load_checkpoint(path, IDENTITY), path)
    with pytest.raises((ValueError, zipfile.BadZipFile)):           # it unpacks to more than it states
        read_arrays(path, packed=True)
    monkeypatch.setattr(results, "LARGEST", 10**7)
    with pytest.raises(ValueError, match="larger"):
        path.write_bytes(archive([("x.npy", large)], packed=True))
        read_arrays(path, packed=True, most=10**7)
    with pytest.raises(SpikelearnError, match="the most that is saved"):
        save(Result("p", {"x": np.zeros(2 * 10**6)}, {}), tmp_path / "r")


def test_images_that_do_not_fit_into_memory_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = tmp_path / "mine.npz"
    path.write_bytes(archive([("images.npy", npy("'|u1'", "(40000000, 1, 1)", bytes(4 * 10**7))),
                              ("labels.npy", npy("'|u1'", "(40000000,)", bytes(4 * 10**7)))], packed=True))
    monkeypatch.setattr("spikelearn.images.own_images._memory", lambda: 4 * 10**7)
    assert "does not fit into memory" in refused(load_own_images, path)


def test_an_idx_file_that_unpacks_to_more_is_refused_by_its_header(tmp_path):
    path = tmp_path / "x.gz"
    with gzip.open(path, "wb") as file:
        file.write(bytes((0, 0, 8, 3)) + struct.pack(">3I", 10**9, 1, 1))
        for _ in range(40):
            file.write(bytes(10**6))
    assert "states the wrong count" in refused(lambda path: read_idx(path, SHAPE), path)
    with gzip.open(path, "wb") as file:
        file.write(bytes((0, 0, 8, 3)) + struct.pack(">3I", *SHAPE))
        for _ in range(40):
            file.write(bytes(10**6))
    assert "too long: it holds more than 60 bytes" in refused(lambda path: read_idx(path, SHAPE), path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": ' * 5000, "1" * 5000, '"' + "a" * 10, "\x00",
                                  '{"arrays": NaN}'], ids=lambda text: text[:12])
def test_facts_that_are_no_json_are_refused(tmp_path, text):
    path = tmp_path / "x.npz"
    np.savez(path, facts=np.array(text))
    with pytest.raises(SpikelearnError, match="damaged or no checkpoint"):
        load_checkpoint(path, IDENTITY)
    save(Result("p", {}, {}), tmp_path / "r")
    (tmp_path / "r" / "run.json").write_text(text)
    with pytest.raises(SpikelearnError, match="damaged or foreign"):
        load(tmp_path / "r")


def test_an_array_that_is_there_twice_is_refused(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.warns(UserWarning, match="Duplicate"):
        path.write_bytes(archive([("facts.npy", npy()), ("facts.npy", npy())]))
    with pytest.raises(SpikelearnError, match="damaged"):
        load_checkpoint(path, IDENTITY)


@pytest.mark.parametrize("error", [MemoryError, OverflowError, RecursionError, SyntaxError, zipfile.BadZipFile])
def test_whatever_a_file_brings_about_is_the_damage_of_the_file(tmp_path, monkeypatch, error):
    save_checkpoint(tmp_path / "x.npz", STATE, IDENTITY)

    def fails(*_):
        raise error

    monkeypatch.setattr(zipfile, "ZipFile", fails)
    with pytest.raises(SpikelearnError, match="damaged or no checkpoint"):
        load_checkpoint(tmp_path / "x.npz", IDENTITY)
