"""Results in the formats of other tools: CSV, xarray, Neo, NWB. What is read back equals the arrays to 1e-12."""
import csv
import json
import re
import shlex
import sys
from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, amp, ms, mV, nA, second, volt

import spikelearn as sl
from spikelearn.command.command_line import main
from spikelearn.results import Result

ROOT = Path(__file__).parent.parent
EXACT = dict(rtol=1e-12, atol=0)
CORE = ["brian2", "filelock", "joblib", "matplotlib", "numpy", "pooch", "scikit-learn", "scipy", "threadpoolctl",
        "tqdm"]


def table():
    return Result("mine", {"delta_t": np.array([-1 / 3, 10, 20]) * ms, "change": np.array([0.1, 0.2, 1 / 7]),
                           "weights": np.arange(9.0).reshape(3, 3) / 7 * nA, "rule": np.array("stdp_pair"),
                           "labels": np.array(["a", "b, c", "d"]),
                           "page": np.array("two\nlines"), "other": np.arange(4)}, {"E": 1.5, "built": True})


def spiking():
    """Neuron 0 of population 0 spikes at 1, 9 and 17 ms, neuron 2 of population 1 at 3 and 4 ms."""
    return Result("mine", {
        "raster_t": np.array([17, 3, 1, 4, 9]) * ms, "raster_i": np.array([0, 2, 0, 2, 0]),
        "raster_population": np.array([0, 1, 0, 1, 0]), "duration": 1 * second,
        "seen_t": np.arange(5) / 7 * ms, "seen_potential": np.linspace(-70, -50, 5) * mV,
        "seen_weight": np.arange(5.0) / 3, "seen_pre": [0.2, 0.3] * ms, "seen_post": [] * second,
        "seen_label": np.array("x")}, {}, {"finished": "2026-01-02T03:04:05+00:00"})


# --- CSV ---------------------------------------------------------------------------------------------------------

def test_csv_holds_every_digit_and_units(tmp_path):
    file = table().to_csv(tmp_path / "table.csv", "delta_t", "change", "weights", "rule", "labels")
    with open(file, encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    assert rows[0] == ["delta_t (s)", "change", "weights 0 (A)", "weights 1 (A)", "weights 2 (A)", "rule", "labels"]
    assert [float(row[0]) for row in rows[1:]] == list(np.asarray(table().arrays["delta_t"]))
    assert [float(row[4]) for row in rows[1:]] == list(np.asarray(table().arrays["weights"])[:, 2])
    assert [row[5:] for row in rows[1:]] == [["stdp_pair", "a"], ["stdp_pair", "b, c"], ["stdp_pair", "d"]]
    assert table().to_csv(tmp_path / "usual.csv").read_text().startswith("delta_t (s),change,rule,labels\n")
    with pytest.raises(sl.SpikelearnError, match="exists: nothing is overwritten"):
        table().to_csv(file)
    with pytest.raises(sl.SpikelearnError, match="no array 'chnge'; did you mean 'change'"):
        table().to_csv(tmp_path / "other.csv", "chnge")


def test_a_run_writes_a_csv_beside_its_result_when_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "stdp_window", "--quick", "--device", "numpy", "--csv", "--out", "out"]) == 0
    assert {path.name for path in Path("out").iterdir()} == {"result.npz", "run.json", "figure.png", "result.csv"}
    result = sl.load_result("out")
    rows = np.genfromtxt("out/result.csv", delimiter=",", skip_header=1)
    assert np.array_equal(rows[:, 1], result.arrays["change"])
    assert "--csv" not in json.loads(Path("out/run.json").read_text())["provenance"]["command"]


# --- xarray ------------------------------------------------------------------------------------------------------

def test_xarray_names_dimensions_and_units_and_comes_back(tmp_path):
    xarray = pytest.importorskip("xarray")
    found = table().to_xarray()
    assert isinstance(found, xarray.Dataset) and set(found.coords) == {"delta_t", "other"}
    assert found["change"].dims == found["labels"].dims == ("delta_t",)
    assert found["weights"].dims == ("delta_t", "weights_1") and found["weights"].attrs == {"units": "A"}
    assert found["rule"].item() == "stdp_pair" and found["rule"].attrs == {}
    for name, values in table().arrays.items():
        if np.asarray(values).dtype.kind in "fi":
            np.testing.assert_allclose(found[name].values, np.asarray(values), **EXACT)
    assert found.sel(delta_t=0.01)["change"] == 0.2
    assert json.loads(found.attrs["headline"]) == {"E": 1.5, "built": True}
    assert list(table().to_xarray("change").variables) == ["change"]
    with pytest.raises(sl.SpikelearnError, match="no array 'chnge'; did you mean 'change'"):
        table().to_xarray("chnge")
    found.to_netcdf(tmp_path / "mine.nc")               # by scipy, which is there
    with xarray.open_dataset(tmp_path / "mine.nc") as back:
        np.testing.assert_allclose(back["weights"].values, np.asarray(table().arrays["weights"]), **EXACT)


# --- Neo and NWB -------------------------------------------------------------------------------------------------

def test_spikes_and_potentials_go_to_neo_and_come_back(tmp_path):
    neo = pytest.importorskip("neo")
    block = spiking().to_neo()
    raster, seen = block.segments
    assert [raster.name, seen.name] == ["raster", "seen"]
    assert [(train.annotations["neuron"], train.annotations["population"]) for train in raster.spiketrains] == [
        ("0", 0), ("2", 1)]
    np.testing.assert_allclose(raster.spiketrains[0].rescale("s").magnitude, [1e-3, 9e-3, 17e-3], **EXACT)
    assert {float(train.t_stop.rescale("s")) for train in raster.spiketrains} == {1.0}
    assert [len(train) for train in seen.spiketrains] == [2, 0]
    potential, weight = seen.irregularlysampledsignals
    assert str(potential.dimensionality) == "V" and weight.dimensionality.string == "dimensionless"
    np.testing.assert_allclose(potential.magnitude[:, 0], np.asarray(spiking().arrays["seen_potential"]), **EXACT)
    np.testing.assert_allclose(potential.times.rescale("s").magnitude, np.arange(5) / 7e3, **EXACT)
    neo.io.PickleIO(str(tmp_path / "mine.pkl")).write_block(block)
    back = neo.io.PickleIO(str(tmp_path / "mine.pkl")).read_block()
    np.testing.assert_allclose(back.segments[0].spiketrains[1].rescale("s").magnitude, [3e-3, 4e-3], **EXACT)


def test_spikes_and_potentials_go_to_nwb_and_come_back(tmp_path):
    pynwb = pytest.importorskip("pynwb")
    path = spiking().to_nwb(tmp_path / "mine.nwb", stop=2 * second)
    with pynwb.NWBHDF5IO(str(path), "r") as file:
        back = file.read()
        assert back.session_start_time.isoformat() == "2026-01-02T03:04:05+00:00"
        units = back.units
        assert list(units["recording"][:]) == ["raster", "raster", "seen", "seen"]
        assert list(units["neuron"][:]) == ["0", "2", "pre", "post"]
        assert list(units["population"][:]) == [0, 1, -1, -1]
        for k, times in enumerate(([1e-3, 9e-3, 17e-3], [3e-3, 4e-3], [2e-4, 3e-4], [])):
            np.testing.assert_allclose(units.get_unit_spike_times(k), times, **EXACT)
        assert list(units.get_unit_obs_intervals(0)[0]) == [0, 2]
        potential = back.acquisition["seen_potential"]
        assert potential.unit == "V" and back.acquisition["seen_weight"].unit == "1"
        np.testing.assert_allclose(potential.data[:], np.asarray(spiking().arrays["seen_potential"]), **EXACT)
        np.testing.assert_allclose(potential.timestamps[:], np.arange(5) / 7e3, **EXACT)
    with pytest.raises(sl.SpikelearnError, match="exists: nothing is overwritten"):
        spiking().to_nwb(path)
    with pytest.raises(sl.SpikelearnError, match="there is no folder"):
        spiking().to_nwb(tmp_path / "gone" / "mine.nwb")


def test_a_trace_of_a_rule_goes_to_neo():
    pytest.importorskip("neo")
    result = sl.run("stdp_trace", pairing="pre 0; post 10; 3 at 10*Hz", device="numpy", points=50,
                    synapse="voltage_derivative")
    segments = result.to_neo().segments
    assert [one.name for one in segments] == [f"voltage_derivative_0_{part}" for part in ("motif", "all")]
    assert [len(train) for train in segments[1].spiketrains] == [3, 3]
    signals = {one.name.split("_all_")[1]: one for one in segments[1].irregularlysampledsignals}
    np.testing.assert_allclose(signals["weight"].magnitude[:, 0], result.arrays["voltage_derivative_0_all_weight"],
                               **EXACT)
    assert "potential" in signals


def test_what_elephant_computes_is_known():
    """Intervals of 10 and 30 ms in turn: mean 20, standard deviation 10, so that their CV is 1/2."""
    pytest.importorskip("neo")
    statistics = pytest.importorskip("elephant.statistics")
    times = np.cumsum(np.tile([10, 30], 20)) * ms
    (train,) = Result("mine", {"spikes_t": times, "spikes_i": np.zeros(40, int)}, {}).to_neo().segments[0].spiketrains
    intervals = statistics.isi(train)
    assert statistics.cv(intervals[:38]) == pytest.approx(0.5, rel=1e-12)


def blocks_of_the_guide(language):
    fenced = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.M | re.S)
    text = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    return [block for found, block in fenced.findall(text) if found == language]


@pytest.mark.slow
def test_the_program_of_the_guide_runs(capsys):
    """Elephant's numbers of a network: the CV of its intervals, and a correlation from -1 to 1."""
    pytest.importorskip("neo")
    pytest.importorskip("elephant")
    (program,) = blocks_of_the_guide("python")
    exec(compile(program, "formats.md", "exec"), {})
    found = re.findall(r"^mean (?:CV|correlation of \d+ neurons) (\S+)$", capsys.readouterr().out, flags=re.M)
    assert len(found) == 2 and 0 < float(found[0]) < 3 and -1 <= float(found[1]) <= 1


def test_the_commands_of_the_guide_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = blocks_of_the_guide("")
    export, script = map(shlex.split, block.splitlines())
    assert export[0] == "spikelearn" and main(export[1:]) == 0
    assert script == ["python", "stdp_triplet_brian2.py"] and Path(script[1]).is_file()


# --- refusals ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("package, extra, call", [
    ("xarray", "xarray", lambda result, path: result.to_xarray()), ("neo", "neo", lambda result, path: result.to_neo()),
    ("pynwb", "nwb", lambda result, path: result.to_nwb(path / "mine.nwb"))])
def test_without_a_package_a_sentence_names_the_extra(package, extra, call, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(sl.SpikelearnError, match=rf"needs {package}, which is not installed: pip install 'spikelearn"
                                                 rf"\[{extra}\]' brings it"):
        call(spiking(), tmp_path)


@pytest.mark.parametrize("package", ["neo", "pynwb"])
def test_a_result_without_spikes_and_a_stop_too_early_are_refused(package, tmp_path):
    pytest.importorskip(package)

    def call(result, stop=None):
        return result.to_neo(stop) if package == "neo" else result.to_nwb(tmp_path / "mine.nwb", stop)

    with pytest.raises(sl.SpikelearnError, match="the result of mine holds no spikes and no potentials"):
        call(Result("mine", {"rate": [1] * Hz, "delta_t": [1, 2] * ms, "delta_w": [1.0, 2.0]}, {}))
    for stop in (16 * ms, 3 * volt, np.nan * second):
        with pytest.raises(sl.SpikelearnError, match="stop must be a time of 0.017 s or more, the last"):
            call(spiking(), stop)


@pytest.mark.parametrize("value, unit", [(1 * mV, "V"), (1 * Hz, "Hz"), (1 / mV, "m**-2*kg**-1*s**3*A**1"), (2, ""),
                                         (1 * amp / second, "s**-1*A**1"), (np.array("a"), "")])
def test_units_are_those_that_other_tools_read(value, unit):
    from spikelearn.results.exchange import unit_of

    assert unit_of(value) == unit
    if unit:
        quantities = pytest.importorskip("quantities")
        assert quantities.Quantity(1.0, unit).magnitude == 1


# --- installation ------------------------------------------------------------------------------------------------

def test_extras_add_nothing_to_the_core_install():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    names = {re.match(r"[\w-]+", line)[0] for line in setup["options"]["install_requires"].split("\n") if line.strip()}
    assert sorted(names) == CORE and len(names) == 10
    extras = setup["options.extras_require"]
    assert {"data", "xarray", "neo", "nwb", "test", "cluster", "fit", "lab"} <= set(extras)
    for package in ("xarray", "neo", "pynwb", "elephant", "marimo"):
        assert package not in extras["test"] and package not in setup["options"]["install_requires"]
