"""Brian2's warnings: each kind is known by its name, the harmless ones are left out, the rest reaches the user."""
import ast
import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import brian2
import numpy as np
import pytest
from brian2 import ms

from spikelearn import NeuronModel, SynapseModel, load_model
from spikelearn.equations.files import shipped_models
from spikelearn.equilibrium.presentation import layered_network
from spikelearn.errors import SpikelearnWarning
from spikelearn.simulation.network import neurons, spike_trains, synapses
from spikelearn.simulation.programs import compiler
from spikelearn.simulation.simulate import Simulation
from spikelearn.simulation.spike_tables import NEVER
from spikelearn.simulation.warnings import HARMLESS, SENTENCES, brian_warnings_answered, sentence

CELL = NeuronModel(source="here", equations="z : 1")
DEPENDS = SynapseModel(source="here", equations="w : 1", on_pre="z_post = w*z_post + i")
DEVICES = ["numpy", pytest.param("cpp", marks=[pytest.mark.compiler,
                                               pytest.mark.skipif(compiler() is None, reason="no C++ compiler")])]


def known_kinds():
    """Logger names of all warnings in the sources of the installed Brian2."""
    root, kinds = Path(brian2.__file__).parent, set()
    for path in root.rglob("*.py"):
        if "tests" in path.relative_to(root).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("logger.warn", "logger.warning"):
                named = [word.value for word in node.keywords if word.arg == "name_suffix"] + node.args[1:2]
                module = ".".join(("brian2", *path.relative_to(root).with_suffix("").parts))
                kinds.add(f"{module}.{named[0].value}" if named else module)
    return kinds


def told(build, device="numpy", read=()):
    """The warnings that a network gives its user."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SpikelearnWarning)
        try:
            Simulation(build, 3 * ms, device=device, dt=1 * ms).run(read=list(read))
        except ValueError:      # refused besides
            pass
    return [str(warning.message) for warning in caught if warning.category is SpikelearnWarning]


def test_the_names_in_the_tables_are_those_of_brian2():
    assert set(HARMLESS) | set(SENTENCES) <= known_kinds() and not set(HARMLESS) & set(SENTENCES)
    assert all(len(reason) > 20 for reason in HARMLESS.values())


@pytest.mark.parametrize("name", sorted(known_kinds()))
def test_each_kind_is_left_out_by_name_or_becomes_one_sentence(name):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with brian_warnings_answered():
            logging.getLogger(name).warning("Something may be wrong.\nLook at 'x'. And more words.")
    assert len(caught) == (name not in HARMLESS)
    for warning in caught:
        assert warning.category is SpikelearnWarning and "\n" not in str(warning.message)


@pytest.mark.parametrize("device", ["numpy", pytest.param("cpp", marks=[pytest.mark.compiler, pytest.mark.slow])])
def test_the_order_of_synapses_is_told_where_it_matters(device):
    def network(connect):
        trains, times = spike_trains(np.array([[.001, .001], [NEVER, NEVER]]), name="pre")
        cells = neurons(CELL, 2, name="cells")
        return [trains, times, cells, synapses(trains, cells, DEPENDS, name="s", connect=connect)]

    for connect in ("all-to-all", ([0, 1], [1, 1])):
        found = told(lambda connect=connect: network(connect), device)
        assert len(found) == 1 and "depends on the order" in found[0] and "z_post" in found[0]
    for connect in ("one-to-one", ([0, 1], [1, 0])):
        assert told(lambda connect=connect: network(connect), device) == []


def test_a_connection_that_only_reads_the_variable_is_not_meant():
    reads = SynapseModel(source="here", equations="w : 1", on_pre="w = w + z_post")

    def network():
        trains, times = spike_trains(np.array([[.001, .001], [NEVER, NEVER]]), name="pre")
        cells = neurons(CELL, 2, name="cells")
        return [trains, times, cells, synapses(trains, cells, DEPENDS, name="s"),
                synapses(trains, cells, reads, name="reader", connect="all-to-all")]

    assert told(network) == []


@pytest.mark.long
@pytest.mark.parametrize("cell, rule", [
    ("leaky_integrator_fire", "voltage_derivative_temporal"),
    ("leaky_integrator_fire_twin", "voltage_derivative_symmetric_centred"),
    ("leaky_integrator_poisson_twin", "voltage_derivative_symmetric_centred"),
])
@pytest.mark.parametrize("pixel", ["pixel_fire", "pixel_poisson"])
def test_networks_that_learn_images_give_no_warning(cell, rule, pixel):
    models = [load_model(name) for name in (f"neurons/{cell}", f"synapses/{rule}", f"neurons/{pixel}")]
    assert told(lambda: layered_network((3, 2, 2), *models, images=1)) == []


def test_a_missing_reset_and_a_missing_refractory_period_are_told():
    flagged = NeuronModel(source="here", equations="dv/dt = -v/tau : 1 (unless refractory)", threshold="v > 1",
                          reset="v = 0", parameters=dict(tau=10 * ms), name="flagged")
    assert told(lambda: [neurons(flagged, 1, name="cells")]) == [
        "flagged: an equation says 'unless refractory', but there is no refractory= field"]
    endless = NeuronModel(source="here", equations="v : 1", threshold="v > 1", name="endless")
    found = told(lambda: [neurons(endless, 1, name="cells")])
    assert len(found) == 1 and found[0].startswith("endless has a threshold but neither reset= nor refractory=")
    drawn = NeuronModel(source="here", equations="v : 1", threshold="v > rand()")
    assert told(lambda: [neurons(drawn, 1, name="cells")]) == []


def test_an_integration_that_runs_away_is_told():
    model = NeuronModel(source="here", equations="dv/dt = v/tau : 1", parameters=dict(tau=1e-40 * ms),
                        initial=dict(v=1e20))
    found = told(lambda: [neurons(model, 1, name="cells")])
    assert any("very large or not-a-number" in words and "cells v" in words for words in found)


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in shipped_models() if name.startswith("neurons/")])
def test_no_shipped_neuron_gives_a_warning(name):
    model = load_model(name)
    assert told(lambda: [neurons(model, 2, name="group", reads=["u", "dudt"] if model.potential else [])]) == []


def test_the_log_of_brian2_is_put_back():
    logger = logging.getLogger("brian2")
    before = list(logger.handlers), logger.level
    with pytest.raises(KeyError), brian_warnings_answered():
        raise KeyError
    assert (list(logger.handlers), logger.level) == before


def test_tables_read_by_row_numbers_need_no_common_grid():
    words = "Group uses a dt of 0.3 ms while TimedArray uses dt of {} (ratio: 1/3.3) → time grids not aligned"
    for dt, expected in (("1. s", 0), ("1. ms", 1)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with brian_warnings_answered():
                logging.getLogger("brian2.input.timedarray").warning(words.format(dt))
        assert [str(warning.message) for warning in caught] == [f"Brian2 warns: {words.format(dt)}"] * expected


def test_sentences_name_what_they_are_about():
    assert sentence("brian2.core.clocks.many_timesteps", "The end is far. More.") == "Brian2 warns: The end is far"
    order = sentence("brian2.codegen.generators.base", "Came. 3 lines of abstract code, first line is: 'a = b'\n")
    assert order.endswith("('a = b')")


@pytest.mark.long
def test_the_command_line_tells_a_warning_in_one_line(tmp_path):
    pair = load_model("stdp_pair").text
    (tmp_path / "cell.py").write_text(load_model("afterpotential").text.replace('reset="forced_spike = False",', ""))
    (tmp_path / "rule.py").write_text(pair.replace("w - A_minus*y,", "w - A_minus*y + 0*u_post,"))
    command = [sys.executable, "-m", "spikelearn", "run", "stdp_window", "--quick", "--json", "--device", "numpy",
               "--synapse", "rule.py", "--neuron", "cell.py"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=dict(os.environ))
    lines = [line for line in done.stderr.splitlines() if "warning" in line.lower()]
    assert len(lines) == 1 and lines[0].startswith("spikelearn: warning: cell has a threshold but neither reset=")
