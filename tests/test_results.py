import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from brian2 import DimensionMismatchError, Hz, Quantity, ms, mV, nS, second

from spikelearn import SpikelearnError
from spikelearn.results import files as results
from spikelearn.results.files import load, save
from spikelearn.results.provenance import commit, provenance, versions
from spikelearn.results.result import Accepted, Result


def example():
    arrays = {"delta_t": np.array([-10.0, 0.0, 25.0]) * ms, "change": np.array([[1.0, -2.0]]),
              "conductance": 3 * nS / second, "count": np.arange(4), "rule": np.array(["pair", "triplet"])}
    return Result("window", arrays, {"slope": 1.5, "pairs": 60, "nothing": float("nan")},
                  {"parameters": {"rate": 5 * Hz}})


def test_a_saved_result_comes_back_with_units(tmp_path):
    back = load(save(example(), tmp_path / "run"))
    assert back.protocol == "window"
    assert np.array_equal(np.asarray(back.arrays["delta_t"]), [-0.01, 0.0, 0.025])
    assert (back.arrays["delta_t"] / ms)[2] == pytest.approx(25.0, rel=1e-15)
    assert back.arrays["conductance"] / (nS / second) == pytest.approx(3.0, rel=1e-15)
    with pytest.raises(DimensionMismatchError):
        back.arrays["delta_t"] + 1 * mV
    assert not isinstance(back.arrays["change"], Quantity) and back.arrays["change"].shape == (1, 2)
    assert back.arrays["count"].dtype == np.arange(4).dtype
    assert list(back.arrays["rule"]) == ["pair", "triplet"]
    assert back.headline["slope"] == 1.5 and back.headline["pairs"] == 60
    assert np.isnan(back.headline["nothing"])
    assert back.provenance["parameters"]["rate"] == {"value": 5.0, "unit": "Hz", "shown": "5. Hz"}


def test_the_file_is_readable_without_pickles_and_says_its_units(tmp_path):
    with np.load(save(example(), tmp_path / "run") / "result.npz", allow_pickle=False) as file:
        units = json.loads(str(file["units"]))
    assert units["delta_t"]["unit"] == "s" and set(units) == {"delta_t", "conductance"}


def test_an_empty_folder_is_filled_and_a_full_one_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    save(example(), tmp_path / "empty")
    before = {path.name: path.read_bytes() for path in (tmp_path / "empty").iterdir()}
    with pytest.raises(SpikelearnError, match="nothing is overwritten"):
        save(Result("other", {}, {}), tmp_path / "empty")
    assert {path.name: path.read_bytes() for path in (tmp_path / "empty").iterdir()} == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SpikelearnError, match="nothing is overwritten"):
        save(example(), tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_gives_one_sentence_and_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SpikelearnError, match="the disk is full") as refusal:
        save(example(), tmp_path / "run")
    assert len(str(refusal.value).splitlines()) == 1
    with pytest.raises(SpikelearnError, match="the disk is full"):
        results.write_file(tmp_path / "figure.png", b"1")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_filled_meanwhile_is_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "check_output", Path)     # as if the other run wrote just after the check
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "result.npz").write_bytes(b"other")
    with pytest.raises(SpikelearnError, match="nothing was overwritten"):
        save(example(), tmp_path / "run")
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "result.npz"]


@pytest.mark.parametrize("arrays", [{"mixed": [object()]}, {"rows": [[1], [1, 2]]}, {"units": [1]},
                                    {"a/b": [1]}])
def test_arrays_that_cannot_be_kept_are_refused(tmp_path, arrays):
    with pytest.raises(SpikelearnError):
        save(Result("window", arrays, {}), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def damage_numbers(folder):
    content = bytearray((folder / "result.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "result.npz").write_bytes(content)


def damage_text(folder):
    (folder / "run.json").write_text((folder / "run.json").read_text()[:-20])


def make_foreign(folder):
    (folder / "run.json").write_text('{"protocol": "somebody else\'s"}')


def lose_numbers(folder):
    (folder / "result.npz").unlink()


def lose_fields(folder):
    (folder / "run.json").write_text(json.dumps({"format": results.FORMAT}))


@pytest.mark.parametrize("harm", [damage_numbers, damage_text, make_foreign, lose_numbers, lose_fields])
def test_a_damaged_or_foreign_folder_is_refused_in_one_sentence(tmp_path, harm):
    harm(save(example(), tmp_path / "run"))
    with pytest.raises(SpikelearnError) as refusal:
        load(tmp_path / "run")
    assert str(tmp_path / "run") in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SpikelearnError, match="holds no saved result"):
        load(tmp_path / "nowhere")


def test_accepted_includes_its_bounds_and_never_not_a_number():
    accepted = Accepted(1.0, 2.0, "table 1")
    assert accepted.met(1.0) and accepted.met(2.0)
    assert not any(accepted.met(value) for value in (0.999, 2.001, float("nan")))
    with pytest.raises(AttributeError):
        accepted.low = 0.0


def test_provenance_says_how_the_result_came_about():
    facts = provenance("window", command="spikelearn run window", parameters={"rate": 5 * Hz, "seed": 3},
                       headline={"slope": 1.0, "count": 2}, accepted={"slope": Accepted(2, 3, "table 1")})
    assert facts["seed"] == 3 and set(facts["parameters"]) == {"rate"}
    assert facts["headline"][0] == {"name": "slope", "value": 1.0, "low": 2, "high": 3, "source": "table 1",
                                    "met": False}
    assert facts["headline"][1] == {"name": "count", "value": 2}
    assert set(versions()) >= {"python", "brian2", "numpy", "spikelearn", "platform", "compiler"}


def test_the_commit_is_that_of_the_checkout_and_not_of_a_folder_around_it(tmp_path, monkeypatch):
    assert commit() is None or len(commit()["revision"] or "0" * 40) == 40
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr("spikelearn.__file__", str(tmp_path / "site-packages" / "spikelearn" / "__init__.py"))
    assert commit() is None
