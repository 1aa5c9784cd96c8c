"""What Brian2 is spared in every run: its answers stay the same."""
import gc

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, Synapses, linked_var, ms
from brian2.codegen import codeobject
from brian2.codegen.translation import analyse_identifiers
from brian2.core import network

from spikelearn import SpikelearnError
from spikelearn.simulation.brian_internals.objects import note
from spikelearn.simulation.brian_internals.shortcuts import analyse_named, shortcuts
from spikelearn.simulation.rows import vectorise_steps
from spikelearn.simulation.simulate import Simulation


def group():
    return NeuronGroup(2, """dv/dt = (drive - v) / tau : 1
                             drive = 2 * other : 1
                             other = inner + 1 : 1
                             inner : 1 (constant)
                             unused : 1
                             tau : second""", method="euler", threshold="v > 1")


@pytest.mark.parametrize("recursive", [True, False])
@pytest.mark.parametrize("code", ["", "v = drive", "new = v + int(t > 3*ms)\nv = new", "v += missing * rand()",
                                  "drawn = drive\nv = drawn + inner + i", "tau = tau * exp(-dt / tau)"])
def test_code_is_analysed_as_brian2_does(code, recursive):
    variables = group().variables
    assert analyse_named(code, variables, recursive) == analyse_identifiers(code, variables, recursive)


def test_names_alone_are_analysed_too():
    assert analyse_named("a = b + c", {"b"}) == analyse_identifiers("a = b + c", {"b"}) == ({"a"}, {"b"}, {"c"})


def test_no_garbage_is_collected_before_a_run_within_the_block_only(monkeypatch):
    collected = []
    monkeypatch.setattr(gc, "collect", lambda *a: collected.append(1) or 0)
    cells = group()
    synapses = Synapses(cells, cells, "w : 1", on_pre="v_post += w")
    synapses.connect()
    cells.tau = 5 * ms
    whole = Network(cells, synapses)
    with shortcuts():
        whole.run(1 * ms)
        assert not collected and codeobject.analyse_identifiers is analyse_named
        with shortcuts():
            whole.run(1 * ms)
        assert not collected
    assert network.gc is gc and codeobject.analyse_identifiers is analyse_identifiers


def test_the_block_leaves_brian2_as_it_was_after_an_error(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        with shortcuts():
            raise ZeroDivisionError
    assert network.gc is gc and codeobject.analyse_identifiers is analyse_identifiers
    monkeypatch.setattr(network, "gc", None)
    with pytest.raises(SpikelearnError, match="collects garbage otherwise"):
        with shortcuts():
            pass


@pytest.mark.compiler
@pytest.mark.parametrize("neighbours", [False, True])
def test_loops_that_vectorise_give_the_values_of_brian2s_own(neighbours):
    """Sixty neurons, six arrays: of their own, or also of their neighbours, where the order counts and nothing changes.

    The neurons are refractory at times, and exp is in the branch that they then do not take.
    """
    def build(vectorised):
        def network():
            cells = NeuronGroup(60, """dv/dt = (exp(clip(5*(v - u), -10, 3)) - v + other/10)/tau : 1 (unless refractory)
                                       du/dt = (v - u) / (3*tau) : 1
                                       dz/dt = -z / tau : 1
                                       other : 1 (linked)
                                       tau : second (constant)""", method="euler", threshold="v > 2",
                                reset="v = 0; z += 1", refractory=2 * ms, name="cells")
            other = cells if neighbours else NeuronGroup(60, "v : 1", name="others")
            cells.other = linked_var(other, "v", index=np.r_[59, :59]) if neighbours else linked_var(other, "v")
            if vectorised:
                vectorise_steps(cells)
            note(cells, values={"v": "0.02*i", "tau": 5 * ms})
            return [cells] if neighbours else [cells, other]
        return network

    plain, fast = (Simulation(build(vectorised), 200 * ms, device="cpp", dt=0.1 * ms) for vectorised in (False, True))
    written = [(one.folder / "code_objects" / "cells_stateupdater_codeobject.cpp").read_text() for one in (plain, fast)]
    assert ["ivdep" in text for text in written] == [False, not neighbours]
    names = ["cells.v", "cells.u", "cells.z"]
    for name, values in plain.run(read=names).items():
        np.testing.assert_allclose(fast.run(read=names)[name], values, rtol=1e-9, atol=1e-12)
