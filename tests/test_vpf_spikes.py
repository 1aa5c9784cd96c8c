"""Variational probability flow on spikes: mean change against the gradient, laws against exp(-E), resuming."""
import itertools

import numpy as np
import pytest
from brian2 import ms, second
from spikelearn.protocols import learn_vpf_spikes, stdp_bistate

from spikelearn import SpikelearnError, load_model
from spikelearn.boltzmann.machine import Machine
from spikelearn.boltzmann.scores import independent_pixels, l2_error, likelihood
from spikelearn.boltzmann.spiking_machine import SpikingMachine, complete, draw, flips_of_one_example
from spikelearn.boltzmann.train_on_spikes import Recipe, learn
from spikelearn.simulation.network import neurons, synapses
from spikelearn.simulation.simulate import Simulation
from spikelearn.training.progress import Progress

HELD = load_model("neurons/two_state_held")
MACHINE = Machine((np.array([-.5, .8, -.3, .2]), np.array([-.6, .4, .1])),
                  (np.array([[1.2, -.8, .3], [-.9, 1.1, .6], [.7, .5, -1.3], [.4, -.6, .9]]),))
DATA = np.array([[1, 0, 1, 0], [0, 1, 0, 0], [1, 1, 0, 1], [0, 0, 1, 1], [1, 0, 0, 1]], dtype=float)


def gradient(machine, v, h):
    """dK/dW, dK/db, dK/dc of one state of all units, from the definition: loops, no matrices."""
    (b, c), (W,) = machine.biases, machine.weights
    dW, db, dc = np.zeros_like(W), np.zeros_like(b), np.zeros_like(c)
    for i in range(len(b)):
        push = (.5 - v[i]) * np.exp((.5 - v[i]) * (b[i] + sum(W[i, j] * h[j] for j in range(len(c)))))
        db[i] += push
        for j in range(len(c)):
            dW[i, j] += h[j] * push
    for j in range(len(c)):
        push = (.5 - h[j]) * np.exp((.5 - h[j]) * (c[j] + sum(W[i, j] * v[i] for i in range(len(b)))))
        dc[j] += push
        for i in range(len(b)):
            dW[i, j] += v[i] * push
    return dW, db, dc


def mean_over_hidden(machine, v, what):
    """Mean of what(v, h) over h ~ P(h|v), by enumeration."""
    c, (W,) = machine.biases[1], machine.weights
    states = [np.array(h, dtype=float) for h in itertools.product((0, 1), repeat=len(c))]
    P = np.exp([v @ W @ h + h @ c for h in states])
    return sum(p * what(v, h) for p, h in zip(P / P.sum(), states, strict=True))


def flat(parts):
    return np.concatenate([np.ravel(part) for part in parts])


def law(machine):
    """All states of visible and hidden units, (2^n, n), and their probabilities."""
    (b, c), (W,) = machine.biases, machine.weights
    states = np.array(list(itertools.product((0, 1), repeat=len(b) + len(c))), dtype=float)
    v, h = states[:, :len(b)], states[:, len(b):]
    P = np.exp(v @ b + h @ c + np.einsum("si,ij,sj->s", v, W, h))
    return states, P / P.sum()


# --- the rule ----------------------------------------------------------------------------------------------------

def changes_of_held_pairs(rule, y, w, copies, duration):
    """Change of w from neuron 0 to 1, both held at y with input w*y of the other: many copies, (copies,)."""
    def build():
        pre, post = (neurons(HELD, copies, name=side) for side in ("pre", "post"))
        return [pre, post, synapses(pre, post, rule, name="rule")]

    values = {"rule.w": w, "rule.eta": 1.0}
    for side, state, other in (("pre", y[0], y[1]), ("post", y[1], y[0])):
        values |= {f"{side}.{name}": np.full(copies, value, dtype=float) for name, value in
                   dict(held=1, x=state, state=state, drive=w * other, learning=1).items()}
    found = Simulation(build, duration, device="numpy", dt=1 * ms).run(values, seed=3, read=["rule.change"])
    return found["rule.change"]


@pytest.mark.long
@pytest.mark.parametrize("y", [(0, 1), (1, 0), (1, 1), (0, 0)])
@pytest.mark.parametrize("rule", ["vpf_symmetric", "vpf_asymmetric_attempts"])
def test_each_term_of_the_rule_is_its_term_of_the_gradient(rule, y):
    """Both neurons held, so that neither term vanishes: -(y_i alpha_j delta_j [+ y_j alpha_i delta_i]) per tau."""
    w, taus, copies = .7, 2, 4000
    change = changes_of_held_pairs(rule, y, w, copies, taus * 10 * ms)
    known = -y[0] * (.5 - y[1]) * np.exp((.5 - y[1]) * w * y[0])
    if rule == "vpf_symmetric":
        known -= y[1] * (.5 - y[0]) * np.exp((.5 - y[0]) * w * y[1])
    se = change.std() / np.sqrt(copies)
    assert abs(change.mean() - taus * known) <= 3 * se
    assert se < .02 and (se > 0) == bool(y[0] or (y[1] and rule == "vpf_symmetric"))




# --- the network -------------------------------------------------------------------------------------------------

@pytest.mark.long
def test_a_free_network_has_the_law_exp_minus_energy():
    found = stdp_bistate.simulate_network(HELD, stdp_bistate.WEIGHTS, stdp_bistate.BIASES, 300, .15 * second,
                                          .05 * ms, 2, "numpy")
    assert stdp_bistate.worst_z(found["occupancy"], found["occupancy_se"], found["occupancy_exact"]) < 3


@pytest.mark.long
def test_both_directions_of_a_synapse_have_the_same_weight():
    """After any flips, each neuron's input is the sum over its excited neighbours: nothing is lost, nothing doubled."""
    small = SpikingMachine(4, 3, examples=5, device="numpy", duration=.2 * second)
    (b, c), (W,) = MACHINE.biases, MACHINE.weights
    for held in (False, np.array([True, False, True, False]), True):
        values = small.values(DATA, small.weights(MACHINE), held=held, shown=3.1, settling=1, count=5, rate=0.0,
                              batch=1, carry=True)
        read = small.simulation.run(values, seed=5, read=[f"{side}.{what}" for side in ("visible", "hidden")
                                                          for what in ("state", "drive")])
        v, h = read["visible.state"], read["hidden.state"]
        assert set(v) | set(h) <= {0, 1}
        assert read["visible.drive"] == pytest.approx(W @ h + b, abs=1e-12)
        assert read["hidden.drive"] == pytest.approx(v @ W + c, abs=1e-12)
        assert np.array_equal(v[held * np.ones(4) > 0], DATA[-1][held * np.ones(4) > 0])


@pytest.mark.long
def test_a_drawing_starts_from_the_hidden_neurons_that_the_prior_excites():
    """Each hidden neuron and its pixel hold each other: (1, 1) lasts for e^8 / 2 tau, (0, 0) for e^4 / 2."""
    pairs = Machine((np.full(3, -8.0), np.full(3, -8.0)), (24 * np.eye(3),))
    small = SpikingMachine(3, 3, examples=1, device="numpy", duration=.1 * second)
    found = draw(small, small.weights(pairs), 6, apart=1.5, averaged=1, seed=1, prior=np.array([1, 0, 1]))
    assert found.shape == (6, 3)
    assert found[:, [0, 2]].mean() > .6 > .3 > found[:, 1].mean()


@pytest.mark.long
def test_held_neurons_attempt_and_do_not_flip():
    small = SpikingMachine(4, 3, examples=1, device="numpy")
    flips = flips_of_one_example(small, DATA[0], small.weights(MACHINE), shown=6, settling=2)
    t, i, population = flips["attempts"]
    assert np.asarray(t).min() >= .02 - 1e-9 and set(population) == {0, 1}
    ups = flips["ups"][1][flips["ups"][2] == 0]
    assert sorted(ups) == [0, 2] and not np.any(flips["downs"][2] == 0)         # pixels 0 and 2 are loaded, that is all


@pytest.mark.long
def test_coarse_steps_are_told():
    with pytest.warns(UserWarning, match="0.4 at z = 0; a shorter dt"):
        SpikingMachine(4, 3, examples=5, device="numpy", dt=4 * ms)
    strong = MACHINE.mapped(lambda name, array: 6 * array)
    small = SpikingMachine(4, 3, examples=5, device="numpy", duration=.5 * second)
    with pytest.warns(UserWarning, match="in one neuron; a shorter dt"):
        small.show(DATA, small.weights(strong), seed=1, shown=6, settling=2, rate=.01)


@pytest.fixture(scope="module")
def compiled():
    return SpikingMachine(4, 3, examples=500)


@pytest.mark.slow
@pytest.mark.compiler
def test_the_mean_change_of_a_machine_is_minus_the_gradient(compiled):
    """Data held, hidden neurons free; weights and both biases; within 3 standard errors over 30 batches."""
    x, rate, runs, taus = np.tile(DATA, (100, 1)), 1e-6, 30, 4
    before = compiled.weights(MACHINE)
    changes, attempts = [], []
    for seed in range(runs):
        shown = compiled.show(x, before, seed=seed, shown=taus + 4, settling=4, rate=rate, batch=len(x))
        after, old = compiled.machine(shown.weights), compiled.machine(before)
        W = after.weights[0] - old.weights[0] * (1 - rate * compiled.synapse.initial["decay"])
        changes.append(flat([W, after.biases[0] - old.biases[0], after.biases[1] - old.biases[1]]) / rate)
        attempts.append(shown.attempts)
    known = -taus * 100 * sum(mean_over_hidden(MACHINE, v, lambda v, h: flat(gradient(MACHINE, v, h))) for v in DATA)
    se = np.std(changes, axis=0, ddof=1) / np.sqrt(runs)
    assert np.all(np.abs(np.mean(changes, axis=0) - known) < 3 * se)
    assert np.all(se < .05 * np.abs(known).max())
    b, (W,) = MACHINE.biases[0], MACHINE.weights
    flow = taus * 100 * sum(mean_over_hidden(MACHINE, v, lambda v, h: np.exp((.5 - v) * (b + W @ h)).sum())
                            for v in DATA)
    assert abs(np.mean(attempts) - flow) < 3 * np.std(attempts, ddof=1) / np.sqrt(runs)


@pytest.mark.slow
@pytest.mark.compiler
def test_the_hidden_part_of_held_data_is_drawn_from_its_conditional_law(compiled):
    """Half of the visible neurons held, and all of them free: mean states against enumeration, at a short time step."""
    fine = SpikingMachine(4, 3, neuron=HELD.with_parameters(tau=80 * ms), examples=500)     # dt is tau/80
    assert not fine.simulation.built or compiled.simulation.folder == fine.simulation.folder        # tau is a value
    states, P = law(MACHINE)
    hidden, weights = np.array([True, True, False, False]), fine.weights(MACHINE)
    known = [np.average(states[match, :4], axis=0, weights=P[match])
             for v in DATA for match in [np.all(states[:, 2:4] == v[2:], axis=1)]]
    filled = complete(fine, weights, np.repeat(DATA, 100, axis=0), hidden, settling=6, averaged=20, seed=1)
    filled = filled.reshape(len(DATA), 100, 4)
    se = filled.std(axis=1, ddof=1)[:, hidden] / 10
    assert np.all(np.abs(filled.mean(axis=1) - known)[:, hidden] < 3.5 * se)        # 10 numbers
    assert np.array_equal(filled[:, 0, ~hidden], DATA[:, ~hidden])
    drawn = draw(fine, weights, 400, apart=12, averaged=6, seed=2)
    assert np.all(np.abs(drawn.mean(axis=0) - P @ states[:, :4]) < 3.5 * drawn.std(axis=0, ddof=1) / 20 + .003)


# --- training ----------------------------------------------------------------------------------------------------

class Killed(Progress):
    """A progress that dies when so many chunks are over."""

    def __init__(self, after):
        super().__init__(None)
        self.left = after

    def tell(self, examples, state):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1


@pytest.mark.compiler
def test_a_training_that_was_killed_goes_on_bit_for_bit(compiled, tmp_path):
    x, recipe, file = np.tile(.8 * DATA + .1, (20, 1)), Recipe(rate=.02, batch=10), tmp_path / "run.checkpoint.npz"
    how = dict(epochs=2, seed=4, chunk=30)
    whole = learn(compiled, x, recipe, **how)
    with pytest.raises(KeyboardInterrupt):
        learn(compiled, x, recipe, **how, checkpoint=file, progress=Killed(5))
    rest = learn(compiled, x, recipe, **how, checkpoint=file, resume=file)
    assert all(np.array_equal(whole.weights[name], rest.weights[name]) for name in whole.weights)
    assert np.array_equal(whole.curve["attempts"], rest.curve["attempts"]) and len(rest.curve["flow"]) == 2
    assert not np.array_equal(whole.weights["synapses.w"], compiled.new_weights(4)["synapses.w"])
    with pytest.raises(SpikelearnError, match="rate"):
        learn(compiled, x, Recipe(rate=.01, batch=10), **how, resume=file)


@pytest.mark.compiler
def test_learning_raises_the_likelihood_of_the_data(compiled):
    from spikelearn.boltzmann.exact import log_likelihood

    x = np.tile(DATA[:2], (100, 1))
    learnt = learn(compiled, x, Recipe(rate=.01), epochs=10, chunk=200, score=lambda m: log_likelihood(m, x).mean())
    assert learnt.curve["score"][-1] > -1.5 > np.log(1 / 16)      # two equally likely images: at best log 1/2
    assert learnt.curve["flow"][-1] < learnt.curve["flow"][0]


def test_a_machine_goes_into_weights_and_back():
    small = SpikingMachine(4, 3, examples=1, device="numpy")
    back = small.machine(small.weights(MACHINE))
    assert np.array_equal(back.weights[0], MACHINE.weights[0])
    assert all(np.array_equal(new, old) for new, old in zip(back.biases, MACHINE.biases, strict=True))


def test_refusals():
    with pytest.raises(SpikelearnError, match="vpf_symmetric"):
        SpikingMachine(4, 3, "vpf_asymmetric_attempts", examples=1, device="numpy")
    with pytest.raises(SpikelearnError, match="attempt"):
        SpikingMachine(4, 3, neuron="two_state", examples=1, device="numpy")
    with pytest.raises(SpikelearnError, match="both sides"):
        SpikingMachine(4, 0, examples=1, device="numpy")
    with pytest.raises(SpikelearnError, match="settling"):
        Recipe(shown=2, settling=2)
    with pytest.raises(SpikelearnError, match="rate"):
        Recipe(rate=-1)
    small = SpikingMachine(4, 3, examples=10, device="numpy")
    with pytest.raises(SpikelearnError, match="multiple of the batch"):
        learn(small, DATA, Recipe(batch=4), epochs=1, chunk=10)
    with pytest.raises(SpikelearnError, match="1 to 10 examples"):
        small.show(np.zeros((11, 4)), small.weights(MACHINE), seed=0, shown=2, settling=1)


# --- the protocol ------------------------------------------------------------------------------------------------

@pytest.mark.long
def test_the_error_of_the_time_step_shrinks_with_it():
    found = learn_vpf_spikes.time_steps(HELD, 1, 300)
    states, P = law(learn_vpf_spikes.SMALL)
    assert found["step_exact"] == pytest.approx(P)
    assert found["step_error"][0] > found["step_error"][1] > found["step_error"][2] > 0
    assert found["step_error"][-1] < found["step_error"][0] / 4
    assert found["step_error"][-1] < 2 * found["step_noise"][-1]


def test_the_likelihood_is_exact_for_few_hidden_neurons():
    states, P = law(MACHINE)
    known = np.mean([np.log(P[np.all(states[:, :4] == v, axis=1)].sum()) for v in DATA])
    assert likelihood(MACHINE, DATA.mean(axis=0), DATA, 0) == (pytest.approx(known), 0)


def test_the_scores_by_hand():
    v = np.array([[1, 0], [1, 1.]])
    assert independent_pixels(np.array([.5, .25]), 8, v) == pytest.approx(np.log(.5) + (np.log(.75) + np.log(.25)) / 2)
    assert l2_error(v, v - [[.6, .8], [0, 0]]) == pytest.approx(.5)
