"""A potential that the user sets, before a run or between two, is no change in time: dudt of a known exponential."""
import subprocess
import sys

import brian2
import numpy as np
import pytest
from brian2 import Network, ms, mV, nA

import spikelearn as sl

FILTERED = dict(source="a test", equations="w : 1\ndr/dt = (dudt_post - r)/tau_r : Hz (clock-driven)",
                on_pre="w += eta*r", parameters=dict(tau_r=20 * ms, eta=1 * ms), initial=dict(w=1))


@pytest.fixture(autouse=True)
def numpy_target():
    """No compiler, a step of 0.01 ms; put back."""
    target, dt = brian2.prefs.codegen.target, brian2.defaultclock.dt
    brian2.prefs.codegen.target, brian2.defaultclock.dt = "numpy", 0.01 * ms
    yield
    brian2.prefs.codegen.target, brian2.defaultclock.dt = target, dt


def filtered(t, u, r=0.0):
    """r after t ms in Hz: u decays with 10 ms, r follows du/dt with 20 ms."""
    return r * np.exp(-t / 20) + 1e3 * u / 10 * (np.exp(-t / 10) - np.exp(-t / 20))


def made(*spikes):
    rule = sl.SynapseModel(**FILTERED)
    pre, post = sl.spike_trains([spikes * ms]), sl.neurons("lif", 1, reads=rule)
    synapses = sl.synapses(pre, post, rule, "one-to-one")
    return post, synapses, Network(pre, post, synapses)


def test_a_potential_that_is_set_before_the_run():
    post, synapses, network = made(10)
    post.v = -60 * mV
    network.run(11 * ms)
    assert synapses.w[0] == pytest.approx(1 + 1e-3 * filtered(10, .5), abs=2e-5)      # 0.98807


def test_a_potential_that_is_set_between_runs():
    post, synapses, network = made(20)
    post.v = -60 * mV
    network.run(10 * ms)
    post.v = -54 * mV
    network.run(11 * ms)
    assert synapses.w[0] == pytest.approx(1 + 1e-3 * filtered(10, .8, filtered(10, .5)), abs=4e-5)


@pytest.mark.parametrize("first", [10.0, 10.01, 10.02])
def test_two_runs_are_one_run(first):
    """The neuron reaches its threshold in the step at 10 ms; the jump of the reset belongs to the step after it."""
    changes = []
    for parts in ((20,), (first, 20 - first)):
        post, synapses, network = made(19)
        post.I = 3 * nA
        post.v = (-40 - 10 * np.exp(1)) * mV        # v_rest + R*I = -40 mV, so that the threshold comes at 10 ms
        for part in parts:
            network.run(part * ms)
        assert post.v[0] / mV > -65
        changes.append(synapses.w[0])
    assert changes[0] == pytest.approx(changes[1], rel=1e-12) and changes[0] != pytest.approx(1)


def test_what_is_stored_and_restored():
    post, synapses, network = made(10)
    network.store()
    for v in (-60, -54):
        network.restore()
        post.v = v * mV
        network.run(11 * ms)
        assert synapses.w[0] == pytest.approx(1 + 1e-3 * filtered(10, (v + 70) / 20), abs=4e-5)


STANDALONE = """
from brian2 import *
set_device("cpp_standalone", build_on_run=False)
import spikelearn as sl
defaultclock.dt = 0.01*ms
rule = sl.SynapseModel(source="a test", equations="w : 1\\ndr/dt = (dudt_post - r)/tau_r : Hz (clock-driven)",
                       on_pre="w += eta*r", parameters=dict(tau_r=20*ms, eta=1*ms), initial=dict(w=1))
pre, post = sl.spike_trains([[10, 20]*ms]), sl.neurons("lif", 1, reads=rule)
made = sl.synapses(pre, post, rule, "one-to-one")
network = Network(pre, post, made)
post.v = -60*mV
network.run(10*ms)
post.v = -54*mV
network.run(11*ms)
device.build(directory={folder!r})
print(made.w[0])
"""


@pytest.mark.compiler
@pytest.mark.slow
def test_a_standalone_program_of_the_users_own(tmp_path):
    done = subprocess.run([sys.executable, "-c", STANDALONE.format(folder=str(tmp_path / "code"))], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    first = filtered(10, .5)
    assert float(done.stdout) == pytest.approx(1 + 1e-3 * (first + filtered(10, .8, first)), abs=1e-4)
