"""Every shipped model by being there: it loads, says where it comes from, and runs."""
import ast
import re

import numpy as np
import pytest
from brian2 import Equations, ms, second

from spikelearn import NeuronModel, load_model
from spikelearn.equations.files import shipped_models
from spikelearn.simulation.network import neurons, spike_trains, synapses
from spikelearn.simulation.simulate import Simulation

MODELS = list(shipped_models())
NEURONS = [name for name in MODELS if name.startswith("neurons/")]
SYNAPSES = [name for name in MODELS if name.startswith("synapses/")]
REQUIRED = {  # issue 2, section 2
    "neurons": {"leaky_integrator_poisson", "leaky_integrator_fire", "two_state", "lif", "adex_afterdepolarisation",
                "afterpotential"},
    "synapses": {"static", "voltage_derivative", "voltage_derivative_trace", "voltage_derivative_symmetric",
                 "voltage_derivative_symmetric_twin", "voltage_derivative_reverse", "vpf_asymmetric", "stdp_pair",
                 "stdp_pair_nearest", "stdp_triplet", "stdp_triplet_nearest", "stdp_voltage"},
}


@pytest.mark.parametrize("kind", REQUIRED)
def test_the_models_asked_for_are_there(kind):
    assert REQUIRED[kind] <= {name.split("/")[1] for name in MODELS if name.startswith(kind)}


@pytest.mark.parametrize("name", MODELS)
def test_loads_and_says_where_it_comes_from(name):
    model = load_model(name)
    assert model.name == name.split("/")[1] and isinstance(model, NeuronModel) == name.startswith("neurons/")
    assert len(ast.get_docstring(ast.parse(model.text)).split("\n")[0]) > 20
    assert len(model.source) > 10


@pytest.mark.parametrize("name", MODELS)
def test_each_parameter_says_what_it_is_and_whence(name):
    """`name=value,   # meaning; source` or, for a number of our own, `# meaning; chosen here`."""
    model = load_model(name)
    for parameter in model.parameters:
        line = re.search(rf"^\s*{parameter}=[^#\n]*#\s*(.+)$", model.text, flags=re.M)
        assert line, f"{parameter} has no comment"
        assert len(line[1].strip()) > 8, f"{parameter}: say what it is and where it comes from"


@pytest.mark.parametrize("name", MODELS)
def test_no_bare_numbers_in_equations(name):
    model = load_model(name)
    code = "\n".join([model.equations, *(text for _, text in model.statements().values())])
    code = re.sub(r"#.*", "", code)
    code = re.sub(r":\s*1\b", "", code)                            # the unit of a number
    bare = set(re.findall(r"(?<![\w.])(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)(?![\w.])", code)) - {"0", "1", "2"}
    assert not bare, f"give {bare} a name and a source"


@pytest.mark.parametrize("name", MODELS)
def test_published_sets_fit(name):
    model = load_model(name)
    for chosen in model.sets:
        assert model.with_parameters(parameters=chosen).parameters.keys() == model.parameters.keys()


@pytest.mark.parametrize("name", NEURONS)
def test_neuron_runs(name):
    """Some steps from the initial values, nothing becomes infinite; a potential can be read where one is stated."""
    model = load_model(name)
    state = [variable for variable in ("v", "s", "y", "I") if re.search(rf"^\s*d?{variable}\b", model.equations, re.M)]
    reads = ["u", "dudt"] if model.potential else []

    def build():
        return [neurons(model, 3, name="group", reads=reads)]

    stored = [f"group.{variable}" for variable in state if not re.search(rf"^\s*{variable}\s*=", model.equations, re.M)]
    found = Simulation(build, 5 * ms, device="numpy", dt=.1 * ms).run(read=stored + [f"group.{r}" for r in reads[1:]])
    for values in found.values():
        assert np.shape(values) == (3,) and np.all(np.isfinite(values))


def weight_stored(rule):
    """A variable of a rule that is stored, the weight if it is one: some rules compute it from others."""
    kept = [name for name, equation in Equations(rule.equations).items() if equation.type != "subexpression"]
    return "rule.w" if "w" in kept else f"rule.{kept[0]}"


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in SYNAPSES if load_model(name).neuron == ""])
def test_rule_of_spike_times_runs(name):
    table, rule = np.array([[.001, .002], [.003, .004], [9, 9]]), load_model(name)

    def build():
        pre, times = spike_trains(table, name="pre")
        post, later = spike_trains(table + .002, name="post")
        used = [side for side in ("pre", "post") if getattr(rule, f"on_{side}")]       # no third factor comes
        return [pre, times, post, later, synapses(pre, post, rule, name="rule", pathways=used)]

    read = weight_stored(rule)
    w = Simulation(build, 10 * ms, device="numpy", dt=.1 * ms).run(read=[read])[read]    # meets delays of 13.7 ms
    assert np.shape(w) == (2,) and np.all(np.isfinite(w))


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in SYNAPSES if load_model(name).neuron])
def test_rule_runs_with_its_own_neuron(name):
    rule = load_model(name)

    def build():
        reads = rule.reads()
        pre, post = (neurons(rule.neuron, 2, name=side, reads=reads[side]) for side in ("pre", "post"))
        return [pre, post, synapses(pre, post, rule, name="rule")]

    read = weight_stored(rule)
    w = Simulation(build, .005 * second, device="numpy", dt=.1 * ms).run(read=[read])[read]
    assert np.shape(w) == (2,) and np.all(np.isfinite(w))
