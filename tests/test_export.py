"""`spikelearn export`: the scripts run without spikelearn and give the weights that spikelearn gives."""
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms

import spikelearn as sl
from spikelearn.command.command_line import main
from spikelearn.command.export import brian2_script
from spikelearn.equations.files import shipped_models
from spikelearn.equations.own_names import for_brian
from spikelearn.stdp.conditions import from_line
from spikelearn.stdp.network import exact_between_spikes, from_spike_to_spike
from spikelearn.stdp.time_step_network import InTimeSteps
from spikelearn.stdp.weight_change import post_neuron

REFUSED = {
    "dendritic_prediction_apical": "does nothing at a spike", "dendritic_prediction_basal": "does nothing at a spike",
    "static": "does nothing at a spike", "dendritic_prediction_spikes": "two_compartment states no forced=",
    "stdp_dopamine": "has a third factor", "vpf_asymmetric_flips": "follows other events than spikes",
    **dict.fromkeys(("voltage_derivative_symmetric", "voltage_derivative_symmetric_centred",
                     "voltage_derivative_symmetric_twin", "voltage_derivative_temporal", "vpf_asymmetric_attempts",
                     "vpf_symmetric", "contrastive_hebbian_collected"), r"learns by presentations \(at_end\)"),
}
RULES = [name.split("/")[1] for name in shipped_models() if name.startswith("synapses/")]
EXPORTED = [name for name in RULES if name not in REFUSED]
QUICKLY = ["stdp_pair", "stdp_triplet", "stdp_voltage", "short_term_active", "voltage_derivative_trace"]
PAIRING = "pre 0 20; post 10 20; 2 at 10*Hz"       # with a coincident pair
OWN = '''
from brian2 import TimedArray, Hz, ms, check_units
import numpy as np
from spikelearn import SynapseModel
SHARE = 0.5
@check_units(x=1, result=1)
def half(x):
    return SHARE * x
MODEL = SynapseModel(
    source="mine", read="2*X", functions=dict(halved=half), inputs=dict(gate=TimedArray([0, 1, 2], dt=105*ms)),
    equations="""
        X : 1
        dx/dt = -x / tau : 1 (event-driven)
        C_pre = halved(x) : 1                   # a name of its own that ends in _pre
    """,
    on_pre="x += 1", on_post="X += A*C_pre*gate(t)", delay_pre="D",
    parameters=dict(A=0.1, tau=20*ms, D=3*ms), initial=dict(X="A + 1"))
'''
# every script in one process in which spikelearn cannot be imported
RUN = """
import runpy, sys
sys.modules["spikelearn"] = None
for file in sys.argv[1:]:
    runpy.run_path(file)
"""


def weights_here(rule, line, step):
    """The weight before and after, from spikelearn."""
    record, condition = for_brian(sl.load_model(rule, "synapse")), from_line(line)
    cell = post_neuron(record)
    if cell is None and exact_between_spikes(record):
        found = from_spike_to_spike([condition], record, 0.5, "numpy", 1)
    else:
        found = InTimeSteps([condition], record, cell, 0.5, "numpy", 1, step).weights(step)
    return float(found.start[0]), float(found.end[0])


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """The file of a rule of one's own, and the same as `printed_by` for it and a few shipped rules."""
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "own.py").write_text(OWN)
    return folder / "own.py", printed_by([*QUICKLY, str(folder / "own.py")], folder)


@pytest.fixture(scope="module")
def printed_by_all(tmp_path_factory):
    return printed_by(EXPORTED, tmp_path_factory.mktemp("scripts"))


def printed_by(rules, folder):
    """Name of a rule -> (time step in seconds, weight before, weight after) of its script."""
    files = {}
    for rule in rules:
        files[Path(rule).stem] = folder / f"{Path(rule).stem}_brian2.py"
        files[Path(rule).stem].write_text(brian2_script(rule, PAIRING))
    done = subprocess.run([sys.executable, "-c", RUN, *map(str, files.values())], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = re.findall(r"weight before (\S+), after (\S+), in SI units", done.stdout)
    steps = [re.search(r"defaultclock.dt = (\S+)\*ms", file.read_text())[1] for file in files.values()]
    return {name: (float(step) * 1e-3, *map(float, weights))
            for name, step, weights in zip(files, steps, found, strict=True)}


@pytest.mark.long
@pytest.mark.parametrize("rule", QUICKLY)
def test_the_script_gives_the_same_weight(rule, printed):
    step, *weights = printed[1][rule]
    assert weights == pytest.approx(weights_here(rule, PAIRING, step), rel=1e-10, abs=0)


@pytest.mark.slow
@pytest.mark.parametrize("rule", EXPORTED)
def test_the_script_of_every_rule_gives_the_same_weight(rule, printed_by_all):
    step, *weights = printed_by_all[rule]
    assert weights == pytest.approx(weights_here(rule, PAIRING, step), rel=1e-10, abs=0)


@pytest.mark.slow
def test_most_weights_change(printed_by_all):
    """Else the comparison above would say little; the weight of `bistable` is up or down and stays up here."""
    same = [name for name, (_, before, after) in printed_by_all.items() if before == after]
    assert same == ["bistable"]


def test_functions_inputs_delays_and_what_is_read_are_in_the_script(printed):
    """By hand: pre spikes of 0, 20, 100, 120 ms act 3 ms later; the post spikes of 10 and 110 ms read the trace."""
    own, found = printed
    x, X = [], 1.1
    for spike in (10, 20, 110, 120):
        x = sum(np.exp(-(spike - pre - 3) / 20) for pre in (0, 20, 100, 120) if pre + 3 <= spike)
        X += 0.1 * 0.5 * x * ((spike + 100) // 105)         # the first spike comes after 100 ms
    step, before, after = found["own"]
    assert [before, after] == pytest.approx([2.2, 2 * X], rel=1e-10, abs=0)
    assert [before, after] == pytest.approx(weights_here(own, PAIRING, step), rel=1e-10, abs=0)


@pytest.mark.parametrize("rule", REFUSED)
def test_other_rules_are_refused_in_one_sentence(rule):
    with pytest.raises(sl.SpikelearnError, match=REFUSED[rule]):
        brian2_script(rule)


def test_a_weight_computed_from_traces_cannot_be_read_after_the_last_spike():
    rule = sl.SynapseModel(name="mine", source="me", equations="w = 1 + x : 1\ndx/dt = -x/tau : 1 (event-driven)",
                           on_pre="x += 1", parameters=dict(tau=sl.load_model("stdp_pair").parameters["tau_plus"]))
    with pytest.raises(sl.SpikelearnError, match="depends on 'x', which Brian2 computes at spikes only"):
        brian2_script(rule)


def test_what_would_be_lost_is_refused(tmp_path):
    with pytest.raises(sl.SpikelearnError, match="the neuron would change nothing: stdp_pair follows spike times only"):
        brian2_script("stdp_pair", neuron="lif")
    (tmp_path / "own.py").write_text(OWN.replace("SHARE = 0.5", "SHARE = 0.5 * bool(SynapseModel)"))
    with pytest.raises(sl.SpikelearnError, match="uses 'SynapseModel' of spikelearn outside its MODEL"):
        brian2_script(tmp_path / "own.py")
    changed = sl.load_model("calcium_population").with_parameters(beta=0.4)
    assert "def share_below" in brian2_script(changed) and "synapse.beta = 0.4" in brian2_script(changed)


def test_the_command_writes_a_new_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["copy", "synapses/stdp_pair", "mine.py"]) == 0
    assert main(["export", "mine.py", "--to", "brian2", "--pairing", "pre 0; post -5; 3 at 1*Hz"]) == 0
    text = Path("mine_brian2.py").read_text()
    assert "post_times = [100, 1100, 2100]*ms" in text and "import spikelearn" not in text
    assert "synapse.tau_plus = 16.8*ms" in text
    capsys.readouterr()
    assert main(["export", "mine.py"]) == 2
    assert capsys.readouterr().err.startswith("spikelearn: 'mine_brian2.py' exists: nothing is overwritten")
    assert main(["export", "stdp_pair", "--out", "script.txt"]) == 2
    assert "must be the name of a Python file" in capsys.readouterr().err
    assert main(["export", "neurons/lif"]) == 2
    assert "lif is a NeuronModel, but a SynapseModel is needed here" in capsys.readouterr().err


SQUARE = dict(name="square", source="mine", on_pre="x += 10", on_post="w += x", initial=dict(w=1),
              equations="w : 1\ndx/dt = -x**2/tau : 1 (clock-driven)", parameters=dict(tau=20 * ms))
COUPLED = """
    w : 1
    d{0}/dt = -{0}/tau : 1 (event-driven)       # a variable named {0}
    dS/dt = ({0} - S)/tau : 1 (event-driven)
"""


def weights_of_script(text, folder):
    (folder / "script.py").write_text(text)
    done = subprocess.run([sys.executable, "-c", RUN, str(folder / "script.py")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [float(one) for one in re.search(r"before (\S+), after (\S+), in SI", done.stdout).groups()]


@pytest.mark.parametrize("start", [1, 0])
def test_the_step_of_the_script_is_halved_as_in_a_pairing(start, tmp_path):
    """On paper x is 10/(1 + 10 t/tau), which the first step tried, 0.2 ms, misses by 3 %."""
    text = brian2_script(sl.SynapseModel(**SQUARE | dict(initial=dict(w=start))), "pre 0; post 2")
    before, after = weights_of_script(text, tmp_path)
    assert before == start and after - before == pytest.approx(5, rel=0.02)
    assert float(re.search(r"defaultclock.dt = (\S+)\*ms", text)[1]) < 0.1
    if start:
        changed = sl.weight_changes([from_line("pre 0; post 2")], sl.SynapseModel(**SQUARE), device="numpy")
        assert after - before == pytest.approx(changed[0], rel=1e-6)


@pytest.mark.slow
def test_a_rule_for_which_no_step_is_short_enough_is_refused():
    rule = sl.SynapseModel(**SQUARE | dict(on_post="w += x*dt/tau"))
    with pytest.raises(sl.SpikelearnError, match="the rule cannot be integrated accurately"):
        brian2_script(rule, "pre 0; post 1")


@pytest.mark.parametrize("name", ["beta", "E"])
def test_variables_named_like_sympys_are_renamed_in_the_script(name, tmp_path):
    """On paper S = t/tau exp(-t/tau); SymPy takes beta for a function and E for 2.718."""
    rule = sl.SynapseModel(name="mine", source="me", equations=COUPLED.format(name), on_pre=f"{name} += 1",
                           on_post=f"w += S + 0*{name}", parameters=dict(tau=20 * ms), initial=dict(w=1))
    text = brian2_script(rule, "pre 0; post 10")
    assert f"# {name}_ is '{name}'" in text and "# S_ is 'S'" in text and f'on_pre="{name}_ += 1"' in text
    expected = pytest.approx(0.5 * np.exp(-0.5), rel=1e-4)
    assert np.diff(weights_of_script(text, tmp_path))[0] == expected
    assert sl.weight_changes([from_line("pre 0; post 10")], rule, device="numpy")[0] == expected


def test_variables_of_a_neuron_named_like_sympys_are_renamed_in_the_script(tmp_path):
    cell = sl.NeuronModel(name="cell", source="me", equations="dE/dt = -E/tau : 1\nS : 1", threshold="E > 1",
                          reset="E = 0.5", forced="E = 2", potential="E", parameters=dict(tau=20 * ms))
    rule = sl.SynapseModel(name="mine", source="me", equations="w : 1", on_pre="w += E_post", initial=dict(w=1))
    after = weights_of_script(brian2_script(rule, "pre 10; post 0", cell), tmp_path)[1]
    assert after == pytest.approx(1 + 0.5 * np.exp(-0.5), rel=0.02)
