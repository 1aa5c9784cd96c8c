"""The public face: lazy, complete, and what a notebook does with it."""
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

import spikelearn as sl
from spikelearn.results.result import Result

NAMES = {"load_model", "NeuronModel", "SynapseModel", "SpikelearnError", "pairs", "motifs", "trains", "bursts",
         "poisson", "Pairing", "weight_changes", "score", "neurons", "synapses", "spike_trains", "Simulation",
         "load_dataset", "Classifier", "train", "run", "Result", "load_result"}
RULE = dict(
    name="mine", source="me", initial=dict(w=1),
    equations="w : 1\ndx/dt = -x/tau_plus : 1 (event-driven)\ndy/dt = -y/tau_minus : 1 (event-driven)",
    on_pre="w -= A_minus*y; x += 1", on_post="w += A_plus*x; y += 1",
    parameters=dict(tau_plus=20 * ms, tau_minus=30 * ms, A_plus=0.01, A_minus=0.005))


@pytest.fixture(scope="module")
def rule():
    return sl.SynapseModel(**RULE)


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    """Figures are drawn without a screen, and closed at the end."""
    import matplotlib

    matplotlib.use("agg")
    yield
    matplotlib.pyplot.close("all")


def python(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- lazy --------------------------------------------------------------------------------------------------------

def test_the_import_loads_nothing_and_shows_the_public_names():
    heavy = "('brian2', 'numpy', 'matplotlib', 'scipy', 'sympy', 'pandas', 'sklearn')"
    said = python("import spikelearn as sl, sys; print([n for n in dir(sl) if n[0] != '_'], "
                  f"[name for name in {heavy} if name in sys.modules])")
    names, loaded = said.split("] [")
    assert {name.strip("[]' ") for name in names.split(",")} >= NAMES and loaded == "]"
    assert set(sl.PUBLIC) == set(sl.__all__) == {name for name in dir(sl) if name[0] != "_"}


@pytest.mark.long
def test_dir_shows_no_module_that_was_loaded_meanwhile():
    said = python("import spikelearn as sl; sl.run, sl.weight_changes, sl.Classifier; "
                  "print([n for n in dir(sl) if n[0] != '_' and n not in sl.PUBLIC])")
    assert said == "[]"


@pytest.mark.parametrize("name", sl.PUBLIC)
def test_every_public_name_is_there_and_says_what_it_is(name):
    assert getattr(sl, name).__doc__


def test_a_misspelt_name_is_told():
    with pytest.raises(AttributeError, match="spikelearn has no 'weight_change'; did you mean 'weight_changes'"):
        _ = sl.weight_change
    with pytest.raises(ImportError):
        from spikelearn import pears  # noqa: F401


def test_a_star_import_and_a_model_file_get_the_names(tmp_path):
    names = {}
    exec("from spikelearn import *", names)
    assert NAMES <= names.keys()
    (tmp_path / "mine.py").write_text(
        "from brian2 import *\nfrom spikelearn import SynapseModel\n"
        "MODEL = SynapseModel(source='me', equations='w : 1', on_pre='w += A*dt/tau', "
        "parameters=dict(A=1, tau=10*ms), initial=dict(w=1))\n")
    assert sl.load_model(tmp_path / "mine.py").name == "mine"


# --- a rule in a notebook ----------------------------------------------------------------------------------------

def test_a_rule_written_inline_changes_weights_as_its_closed_form_does(rule):
    """60 pairs a second apart: what one pair leaves at the next is exp(-1 s/20 ms), nothing."""
    late, early = sl.weight_changes([sl.pairs(10 * ms, 60, 1 * Hz), sl.pairs(-10 * ms, 60, 1 * Hz)], rule)
    assert late == pytest.approx(60 * .01 * np.exp(-10 / 20), rel=1e-9)
    assert early == pytest.approx(-60 * .005 * np.exp(-10 / 30), rel=1e-9)


@pytest.mark.parametrize("make, word", [
    (lambda: sl.pairs(float("nan") * ms), "delta_t"), (lambda: sl.pairs(10), "delta_t"),
    (lambda: sl.pairs(10 * ms, 2.5), "n must"), (lambda: sl.pairs(10 * ms, 10**9), "n would"),
    (lambda: sl.pairs(10 * ms, 60, 0 * Hz), "rate"), (lambda: sl.pairs(10 * ms, 60, 5), "rate"),
    (lambda: sl.motifs([0, float("nan")] * ms, [5] * ms), "pre spike times"),
    (lambda: sl.trains(10 * ms, 10**6, 20 * Hz, 10**6, 1e6 * second), "the motifs would"),
    (lambda: sl.bursts(10 * ms, 0, 50 * Hz), "n_ap"),
    (lambda: sl.poisson(10 * Hz, 10 * Hz, 1 * second, None), "rng"),
    (lambda: sl.poisson(10 * Hz, 10 * Hz, 1 * second, -1), "rng"),
    (lambda: sl.poisson(1e9 * Hz, 10 * Hz, 1 * second, 1), "rate_pre and duration"),
    (lambda: sl.poisson(1 * Hz, 1 * Hz, 1e4 * second, 1, dt=1e-6 * second), "duration and dt"),
    (lambda: sl.Pairing([1, 2], [1] * ms), "pre spike times"),
    (lambda: sl.score([float("nan")], [1], [1]), "finite"),
    (lambda: sl.weight_changes(sl.pairs(10 * ms), "stdp_pair"), "pairings must be a list"),
    (lambda: sl.weight_changes([10 * ms], "stdp_pair"), "pairings must hold Pairing records"),
    (lambda: sl.load_dataset("minst"), "minst"),
])
def test_a_wrong_value_is_refused_by_name(make, word):
    with pytest.raises(sl.SpikelearnError, match=word):
        make()


def test_a_seed_does_for_a_generator():
    one, two, other = (sl.poisson(50 * Hz, 20 * Hz, 2 * second, rng) for rng in (3, np.random.default_rng(3), 4))
    assert np.array_equal(one.pre, two.pre) and np.array_equal(one.post, two.post) and one.pre.size > 50
    assert not np.array_equal(one.pre, other.pre)


# --- run ---------------------------------------------------------------------------------------------------------

def test_run_takes_a_record_and_gives_its_numbers(rule):
    result = sl.run("stdp_window", synapse=rule, quick=True)
    assert result.headline["tau_plus_ms"] == pytest.approx(20, rel=1e-6)
    assert result.headline["A_minus_percent"] == pytest.approx(100 * 5 * .005, rel=1e-6)
    assert result.provenance["models"][0]["name"] == "mine" and "synapse='mine'" in result.provenance["command"]
    figure = result.plot()[0].figure
    assert result.figure_size == (7, 4.8) and tuple(figure.get_size_inches()) == (7, 4.8)
    assert figure.axes[0].get_title() == "STDP window of mine"
    assert "stdp_window" in repr(result) and "delta_t (21)" in repr(result)


def test_run_takes_parameters_with_units_files_and_several_rules(tmp_path, rule):
    shutil.copy(sl.load_model("stdp_pair").file, tmp_path / "copied.py")
    result = sl.run("stdp_window", synapse=tmp_path / "copied.py", pairs=3, spacing=20 * ms, rate=2 * Hz, seed=5)
    assert result.provenance["parameters"]["rate"] == 2 * Hz and result.provenance["seed"] == 5
    assert len(result.arrays["delta_t"]) == 11 and str(result.arrays["rule"]) == "copied"
    from spikelearn.protocols import stdp_window

    same = stdp_window.run(tmp_path / "copied.py", pairs=3, spacing=20 * ms, rate=2 * Hz, seed=5)
    assert np.array_equal(result.arrays["change"], same.arrays["change"])


def test_nothing_is_written_without_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sl.run("stdp_window", quick=True)
    assert not list(tmp_path.iterdir())
    sl.run("stdp_window", quick=True, out="deep/window")
    assert {path.name for path in Path("deep/window").iterdir()} == {"result.npz", "run.json", "figure.png"}
    with pytest.raises(sl.SpikelearnError, match="nothing is overwritten"):
        sl.run("stdp_window", quick=True, out="deep/window")


OWN = ("from spikelearn.results.result import Result\n"
       "def run(times=3, word='a', seed=1):\n    return Result('own', {'k': [1, 2] * times}, {'times': times})\n")


@pytest.fixture
def own(tmp_path):
    """A protocol of the user's own, without a figure."""
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path / "own.py"


def test_run_takes_a_protocol_file(own):
    result = sl.run(own, times=2)
    assert result.headline == {"times": 2} and result.arrays["k"] == [1, 2, 1, 2]
    with pytest.raises(sl.SpikelearnError, match="this result of own has no figure"):
        result.plot()


@pytest.mark.parametrize("keywords, sentence", [
    (dict(rat=5 * Hz), "stdp_window has no parameter 'rat'; did you mean 'rate'"),
    (dict(rate=5), "rate: a value like 1. Hz is needed, but this has no unit"),
    (dict(rate=5 * ms), "rate: .* has another unit"), (dict(rate=float("nan") * Hz), "rate: the value must be finite"),
    (dict(rate=-1 * Hz), "rate must be"), (dict(rate=[1, 2] * Hz), "rate: a value like"),
    (dict(pairs=2.5), "pairs: a value like 60"), (dict(pairs="many"), "pairs: a value like 60"),
    (dict(tau_plus=5 * ms), r"'tau_plus' is a parameter of stdp_pair, not of stdp_window: give the model with .with_"),
    (dict(synapse="stdp_piar"), "no model 'stdp_piar'; did you mean 'synapses/stdp_pair'"),
    (dict(synapse="neurons/lif"), "lif is a NeuronModel"), (dict(synapse=5), "no model '5'"),
    (dict(synapse=[]), "synapse must name"), (dict(synapse=[5]), "no model '5'"),
    (dict(neuron="lif"), "the neuron would change nothing"), (dict(jobs=2), "takes no jobs="),
    (dict(seed=-1), "seed must be"), (dict(quick="yes"), "quick must be"), (dict(device="gpu"), "no device 'gpu'"),
    (dict(out_=1), "no parameter 'out_'"),
])
def test_run_refuses_in_a_sentence(keywords, sentence):
    with pytest.raises(sl.SpikelearnError, match=sentence):
        sl.run("stdp_window", **{"pairs": 1, "spacing": 50 * ms} | keywords)


@pytest.mark.parametrize("name, sentence", [
    ("stdp_windw", "did you mean 'stdp_window'"), ("none.py", "there is no file"), (5, "there is no protocol '5'"),
])
def test_a_protocol_that_does_not_exist_is_told(name, sentence):
    with pytest.raises(sl.SpikelearnError, match=sentence):
        sl.run(name)


def test_a_word_is_no_number(own):
    with pytest.raises(sl.SpikelearnError, match="word must be a word, such as 'a', not 5"):
        sl.run(own, word=5)


# --- load_result -------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def saved(tmp_path_factory, rule):
    folder = tmp_path_factory.mktemp("saved") / "window"
    return folder, sl.run("stdp_window", synapse=rule, quick=True, out=folder)


def test_a_saved_run_is_drawn_again(saved, tmp_path):
    from matplotlib.figure import Figure

    folder, result = saved
    again, (first, second_) = sl.load_result(folder), (Figure(figsize=(7, 4.8)), Figure(figsize=(7, 4.8)))
    again.plot(first), result.plot(second_)
    first.savefig(tmp_path / "a.png"), second_.savefig(tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert again.headline == result.headline and np.array_equal(again.arrays["change"], result.arrays["change"])


def damaged(folder, to, how):
    shutil.copytree(folder, to)
    run = json.loads((to / "run.json").read_text())
    if how == "bytes":
        content = bytearray((to / "result.npz").read_bytes())
        content[len(content) // 2] ^= 255
        (to / "result.npz").write_bytes(content)
    elif how == "short":
        (to / "run.json").write_text((to / "run.json").read_text()[:200])
    elif how == "gone":
        (to / "result.npz").unlink()
    else:
        (to / "run.json").write_text(json.dumps(run | how))


@pytest.mark.parametrize("how, sentence", [
    ("bytes", "is damaged"), ("short", "damaged or foreign"), ("gone", "result.npz is missing"),
    ({"format": "another 1"}, "not a result saved by this version"), ({"provenance": []}, "damaged or foreign"),
    ({"headline": 5}, "damaged or foreign"),
], ids=str)
def test_a_damaged_folder_is_refused(saved, tmp_path, how, sentence):
    damaged(saved[0], tmp_path / "damaged", how)
    with pytest.raises(sl.SpikelearnError, match=sentence):
        sl.load_result(tmp_path / "damaged")


def test_another_folder_is_refused(saved, tmp_path):
    with pytest.raises(sl.SpikelearnError, match="has no run.json: it holds no saved result"):
        sl.load_result(tmp_path)
    with pytest.raises(sl.SpikelearnError, match="is a result of stdp_window, not of stdp_triplets"):
        sl.load_result(saved[0], protocol="stdp_triplets")


def test_the_figure_of_a_protocol_file_needs_the_file_and_never_runs_the_saved_text(own, tmp_path):
    own.write_text(OWN + "def plot(result, figure):\n    figure.subplots().plot(result.arrays['k'])\n")
    sl.run(own, out=tmp_path / "out")
    result = sl.load_result(tmp_path / "out")
    with pytest.raises(sl.SpikelearnError, match="own is not a shipped protocol: name the file"):
        result.plot()
    (axes,) = sl.load_result(tmp_path / "out", protocol=own).plot()
    assert list(axes.lines[0].get_ydata()) == [1, 2] * 3
    own.write_text(own.read_text().replace("['k']", "['gone']"))
    with pytest.raises(sl.SpikelearnError, match="comes from another version of own, whose figure cannot be drawn"):
        sl.load_result(tmp_path / "out", protocol=own).plot()


# --- to_dataframe ------------------------------------------------------------------------------------------------

def test_without_pandas_a_sentence_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(sl.SpikelearnError, match=r"needs pandas, .*pip install 'spikelearn\[data\]'"):
        Result("mine", {"k": [1]}, {}).to_dataframe()


def test_a_result_becomes_a_table(saved):
    pytest.importorskip("pandas")
    result = saved[1]
    table = result.to_dataframe()
    assert list(table) == ["delta_t (s)", "change", "pairs", "rate (Hz)", "rule", "neuron"] and len(table) == 21
    assert np.array_equal(table["delta_t (s)"], np.asarray(result.arrays["delta_t"]))
    assert set(table["rule"]) == {"mine"} and set(table["rate (Hz)"]) == {1.0}
    assert result.to_dataframe("measured", "measured_sem").shape == (7, 2)
    two = Result("mine", {"v": np.ones((3, 2)) * mV, "k": [1, 2, 3]}, {}).to_dataframe("v", "k")
    assert list(two) == ["v 0 (V)", "v 1 (V)", "k"] and two["v 1 (V)"][0] == pytest.approx(1e-3)
    with pytest.raises(sl.SpikelearnError, match="equally long, and these are not: measured 7, change 21"):
        result.to_dataframe("measured", "change")
    with pytest.raises(sl.SpikelearnError, match="no array 'chnge'; did you mean 'change'"):
        result.to_dataframe("chnge")
    with pytest.raises(sl.SpikelearnError, match="'cube' has 3 dimensions"):
        Result("mine", {"cube": np.zeros((2, 2, 2))}, {}).to_dataframe("cube")
