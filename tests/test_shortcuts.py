"""What Brian2 is spared in every run: its answers stay the same."""
import gc

import pytest
from brian2 import Network, NeuronGroup, Synapses, ms
from brian2.codegen import codeobject
from brian2.codegen.translation import analyse_identifiers
from brian2.core import network

from spikelearn import SpikelearnError
from spikelearn.simulation.brian_internals.shortcuts import analyse_named, shortcuts


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
