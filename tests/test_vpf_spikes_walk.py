"""Walk-back, homeostasis, decay and hidden flips on spikes: mean changes against enumeration and minibatches."""
import dataclasses

import numpy as np
import pytest
from brian2 import ms
from scipy.linalg import expm

from spikelearn import SpikelearnError, load_model
from spikelearn.boltzmann.exact import all_states
from spikelearn.boltzmann.flow import flow
from spikelearn.boltzmann.machine import Machine, hidden_probability
from spikelearn.boltzmann.recipe import Recipe as MinibatchRecipe
from spikelearn.boltzmann.rules import ProbabilityFlow
from spikelearn.boltzmann.spiking_machine import SpikingMachine, flips_of_one_example
from spikelearn.boltzmann.train_on_spikes import Recipe, learn
from spikelearn.simulation.network import neurons
from spikelearn.simulation.simulate import Simulation
from spikelearn.training.checkpoint import load_checkpoint, save_checkpoint
from spikelearn.training.progress import Progress

HOMEOSTATIC = load_model("neurons/two_state_homeostatic")
MACHINE = Machine((np.array([-.5, .6, -.3]), np.array([-.6, .4])), (np.array([[1.6, -.9], [-1.2, 1.4], [.9, .7]]),))
IMAGES = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1], [1, 1, 0]], dtype=float)
WALK = dict(walk_back=.7, walk_steps=2, leg=1.0, hidden_flips=False)
BOTH = all_states(5)                            # visible and hidden neurons side by side, (32, 5)
HIDDEN = all_states(2)


def machine(tau=10, device="cpp", neuron=HOMEOSTATIC, examples=500):
    """A machine of 3 + 2 neurons whose time step is 1/tau of its unit of time: a value, so one program serves all."""
    return SpikingMachine(3, 2, neuron=neuron.with_parameters(tau=tau * ms), examples=examples, device=device)


# --- laws by enumeration -----------------------------------------------------------------------------------------

def rates(states):
    """Rate at which each neuron leaves its state, (states, 5), in units of 1/tau."""
    (b, c), (W,) = MACHINE.biases, MACHINE.weights
    z = np.hstack([b + states[:, 3:] @ W.T, c + states[:, :3] @ W])
    return np.exp((.5 - states) * z)


def in_steps(dt):
    """Transition matrix of a time step of the free machine: every neuron flips by itself with probability rate*dt."""
    p = rates(BOTH) * dt
    flips = BOTH[:, None, :] != BOTH[None, :, :]
    return np.where(flips, p[:, None, :], 1 - p[:, None, :]).prod(axis=2)


def in_time():
    """Generator of the free machine in continuous time, (32, 32)."""
    single = np.abs(BOTH[:, None, :] - BOTH[None, :, :])
    Q = np.where(single.sum(axis=2) == 1, (single * rates(BOTH)[:, None, :]).sum(axis=2), 0)
    return Q - np.diag(Q.sum(axis=1))


def given_image(v):
    """P(h | v), (4,)."""
    p = hidden_probability(MACHINE, v[None])[0]
    return np.where(HIDDEN > 0, p, 1 - p).prod(axis=1)


def walked(v, one_leg, walk_back, walk_steps):
    """Law of the hidden states, (4,), after 0 to walk_steps legs, each next one taken with probability walk_back."""
    state = np.zeros(32)
    state[[np.flatnonzero((np.r_[v, h] == BOTH).all(axis=1))[0] for h in HIDDEN]] = given_image(v)
    found = 0
    for k in range(walk_steps + 1):
        taken = walk_back ** k * (1 if k == walk_steps else 1 - walk_back)
        found = found + taken * np.array([state[(BOTH[:, 3:] == h).all(axis=1)].sum() for h in HIDDEN])
        state = state @ one_leg
    return found


def flat(gradient):
    return np.concatenate([gradient.weights[0].ravel(), *gradient.biases])


def mean_gradient(laws, hidden_flips=False):
    """Gradient of the flow, of the visible neurons or of all, mean over the images and their hidden states: (11,)."""
    return np.mean([sum(p * flat(flow(MACHINE, [v[None], h[None]], hidden_flips=hidden_flips)[1])
                        for p, h in zip(law, HIDDEN, strict=True))
                    for v, law in zip(IMAGES, laws, strict=True)], axis=0)


def measured(spiking, runs, seed, *, settling=5, taus=2, rate=1e-7, **parts):
    """(mean change of weights and biases per example, unit of time and rate, its standard error): both (11,)."""
    x, before, found = np.tile(IMAGES, (125, 1)), spiking.weights(MACHINE), []
    for k in range(runs):
        shown = spiking.show(x, before, seed=seed + k, shown=settling + taus, settling=settling, rate=rate,
                             batch=len(x), decay=0, **parts)
        found.append((flat(spiking.machine(shown.weights)) - flat(MACHINE)) / (rate * taus * len(x)))
    return np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(runs)


def agree(found, known):
    """Within 3 standard errors, which are small beside what is measured; hidden biases do not move at all."""
    mean, se = found
    assert np.all(np.abs(mean - known)[:9] <= 3 * se[:9]), ((mean - known)[:9] / se[:9], known, se)
    assert np.all(se[:9] < .08 * np.abs(known[:9]).max())
    assert np.all(mean[9:] == 0) and np.all(known[9:] == 0)


# --- the walk ----------------------------------------------------------------------------------------------------

def test_the_gradient_with_held_hidden_units_by_finite_differences():
    """K = sum over the visible neurons of their rates, mean over the walked states, which stay while weights change."""
    laws = [walked(v, expm(in_time()), .7, 2) for v in IMAGES]

    def K(parameters):
        W, b, c = np.split(parameters, [6, 9])
        moved = Machine((b, c), (W.reshape(3, 2),))
        return np.mean([sum(p * flow(moved, [v[None], h[None]], hidden_flips=False)[0]
                            for p, h in zip(law, HIDDEN, strict=True)) for v, law in zip(IMAGES, laws, strict=True)])

    at, step = flat(MACHINE), 1e-5
    slopes = [(K(at + step * e) - K(at - step * e)) / (2 * step) for e in np.eye(11)]
    assert mean_gradient(laws) == pytest.approx(slopes, abs=1e-6)
    assert np.abs(slopes[:9]).min() > 1e-3


@pytest.mark.compiler
def test_the_walk_on_spikes_has_the_mean_change_of_enumeration():
    """Coarse steps, whose law is known as well: the transition matrix of a step, 10 times in a leg."""
    laws = [walked(v, np.linalg.matrix_power(in_steps(.1), 10), .7, 2) for v in IMAGES]
    found = measured(machine(), 20, 1, **WALK)
    agree(found, -mean_gradient(laws))
    still = -mean_gradient([given_image(v) for v in IMAGES])
    assert np.any(np.abs(found[0] - still)[:9] > 10 * found[1][:9])          # the walk is seen


@pytest.mark.slow
@pytest.mark.compiler
def test_the_walk_on_spikes_has_the_mean_change_of_continuous_time():
    """Short steps, 80 in the unit of time, against the matrix exponential of the rates."""
    laws = [walked(v, expm(in_time()), .7, 2) for v in IMAGES]
    agree(measured(machine(80), 20, 101, **WALK), -mean_gradient(laws))


@pytest.mark.slow
@pytest.mark.compiler
def test_a_long_walk_on_spikes_has_the_mean_change_of_the_long_walk_in_minibatches():
    """Legs that forget the image: Gibbs steps and continuous time both end in the law of the free machine."""
    rule = ProbabilityFlow(flow, MinibatchRecipe(walk_back=1., walk_steps=60, hidden_flips=False))
    rng, found = np.random.default_rng(4), []
    for _ in range(40):
        rule.start(MACHINE, np.tile(IMAGES, (500, 1)).astype(np.uint8), rng)
        found.append(-flat(rule.gradient(MACHINE, slice(None), rng)[1]))
    known, its = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(40)
    mean, se = measured(machine(80), 20, 201, walk_back=1., walk_steps=1, leg=12, hidden_flips=False)
    agree((mean, np.hypot(se, its)), known)


@pytest.mark.compiler
def test_held_hidden_neurons_count_where_hidden_flips_are_asked_for():
    """Without a walk hidden neurons learn where they flip; held, their attempts move their biases as well."""
    laws = [walked(v, np.linalg.matrix_power(in_steps(.1), 10), .7, 2) for v in IMAGES]
    known = -mean_gradient(laws, hidden_flips=True)
    mean, se = measured(machine(), 20, 301, **WALK | dict(hidden_flips=True))
    assert np.all(np.abs(mean - known) <= 3 * se) and np.abs(known[9:]).min() > 3 * se[9:].max()


def test_the_visible_neurons_return_to_the_image():
    """After the walk visible neurons show the image again and hidden ones stay: only flips of the walk are free."""
    small = SpikingMachine(3, 2, neuron=HOMEOSTATIC, examples=1, device="numpy", duration=71 * ms)
    values = small.values(IMAGES[:1], small.weights(MACHINE), held=True, shown=3, settling=1, count=1, rate=1e-9,
                          batch=1, carry=True, walk_back=1.0, walk_steps=2, leg=2.0)
    read = small.simulation.run(values, seed=2, read=["visible.state", "visible.held", "hidden.held", "trial.step",
                                                      "trial.legs"])
    assert np.array_equal(read["visible.state"], IMAGES[0]) and read["visible.held"].all() and read["hidden.held"].all()
    assert (read["trial.step"], read["trial.legs"]) == (30, 3)      # 10 to settle, 40 to walk, 1 to return, 20 to learn


# --- homeostasis and decay ---------------------------------------------------------------------------------------

def test_the_bias_drifts_towards_the_activity_exactly():
    """Held at 0 and 1 the state is constant: b = homeostasis (activity - state) t/tau."""
    values = {"net.held": np.ones(2), "net.x": np.array([0., 1.]), "net.drifting": np.ones(2), "net.homeostasis": .02,
              "net.activity": .3, "net.state": np.array([0., 1.])}
    found = Simulation(lambda: [neurons(HOMEOSTATIC, 2, name="net")], 50 * ms, device="numpy", dt=1 * ms).run(
        values, seed=1, read=["net.b"])["net.b"]
    assert found == pytest.approx([.02 * .3 * 5, -.02 * .7 * 5], rel=1e-12)


@pytest.mark.compiler
@pytest.mark.parametrize("parts, taus", [(dict(), 2), (WALK, 6)])
def test_homeostasis_on_spikes_has_the_mean_drift_of_minibatches(parts, taus):
    """homeostasis (activity - P(h = 1 | v)) a unit of time: while it learns, or in half of the settling of 12."""
    rate, runs, x = 1e-6, 15, np.tile(IMAGES, (125, 1))
    spiking, found = machine(), []
    for seed in range(runs):
        shown = spiking.show(x, spiking.weights(MACHINE), seed=seed, shown=14, settling=12, rate=1e-12, batch=500,
                             **{**parts, "hidden_flips": False}, homeostasis=rate, activity=.3)
        found.append((spiking.machine(shown.weights).biases[1] - MACHINE.biases[1]) / (rate * len(x)))
    known = taus * (.3 - hidden_probability(MACHINE, IMAGES).mean(axis=0))
    se = np.std(found, axis=0, ddof=1) / np.sqrt(runs)
    assert np.all(np.abs(np.mean(found, axis=0) - known) < 3 * se) and np.all(se < .02 * taus)


def test_weights_decay_with_each_batch_and_biases_do_not():
    """Neurons that never attempt a flip: only the decay is left, (1 - rate*decay) for each of 3 batches."""
    sure = Machine((np.full(3, -80.), np.full(2, -80.)), MACHINE.weights)
    small = machine(device="numpy", examples=6)
    shown = small.show(np.zeros((6, 3)), small.weights(sure), seed=1, shown=.4, settling=.2, rate=.5, batch=2, decay=.2,
                       homeostasis=0)
    after = small.machine(shown.weights)
    assert after.weights[0] == pytest.approx(MACHINE.weights[0] * .9 ** 3) and after.biases[1] == pytest.approx(-80)


# --- training ----------------------------------------------------------------------------------------------------

ALL = Recipe(rate=.02, batch=10, decay=.1, homeostasis=.02, **WALK)


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
def test_a_training_with_all_parts_resumes_bit_for_bit_and_older_checkpoints_are_refused(tmp_path):
    x, file, how = np.tile(.8 * IMAGES + .1, (15, 1)), tmp_path / "run.checkpoint.npz", dict(epochs=2, seed=4, chunk=20)
    whole = learn(machine(), x, ALL, **how)
    with pytest.raises(KeyboardInterrupt):
        learn(machine(), x, ALL, **how, checkpoint=file, progress=Killed(4))
    rest = learn(machine(), x, ALL, **how, checkpoint=file, resume=file)
    assert all(np.array_equal(whole.weights[name], rest.weights[name]) for name in whole.weights)
    assert np.array_equal(whole.curve["flips"], rest.curve["flips"])
    with pytest.raises(SpikelearnError, match="was made with walk_back=0.7"):
        learn(machine(), x, dataclasses.replace(ALL, walk_back=.5), **how, resume=file)
    identity = identity_in(file)
    typed = {name: text.removesuffix(".0") for name, text in identity.items()}      # shown=6 for shown=6.0
    save_checkpoint(file, load_checkpoint(file, identity), typed)
    assert typed != identity and learn(machine(), x, ALL, **how, resume=file).curve["flips"].size == 2
    older = {name: text for name, text in identity.items() if name not in ("decay", "homeostasis", "walk_back")}
    save_checkpoint(file, load_checkpoint(file, identity), older)
    with pytest.raises(SpikelearnError, match="was made with decay=nothing, but this training has 0.1"):
        learn(machine(), x, ALL, **how, resume=file)


def identity_in(file):
    """The identity that a checkpoint holds."""
    from spikelearn.results.archives import read_archive
    from spikelearn.training.checkpoint import FORMAT

    return read_archive(file, FORMAT, ())[0]["identity"]


@pytest.mark.compiler
def test_numpy_and_cpp_learn_the_same():
    x = np.tile(IMAGES, (3, 1))
    found = [learn(machine(device=device), x, ALL, epochs=1, seed=3, chunk=10) for device in ("numpy", "cpp")]
    assert found[0].curve["flips"] == found[1].curve["flips"] > 100
    for name, w in found[0].weights.items():
        assert w == pytest.approx(found[1].weights[name], abs=1e-12)


def test_without_its_parts_a_training_is_as_before():
    """Bit for bit the same whether the neuron has a drift or not, as long as it is off."""
    found = [learn(machine(device="numpy", neuron=load_model(neuron), examples=8), np.tile(IMAGES, (2, 1)),
                   Recipe(rate=.02, batch=4), epochs=1, seed=3, chunk=8).weights
             for neuron in ("neurons/two_state_homeostatic", "neurons/two_state_held")]
    assert all(np.array_equal(w, found[1][name]) for name, w in found[0].items())
    assert np.abs(found[0]["synapses.w"]).max() > .02


def test_refusals():
    held = machine(device="numpy", neuron=load_model("neurons/two_state_held"), examples=4)
    with pytest.raises(SpikelearnError, match="two_state_held.* has no 'homeostasis', unlike two_state_homeostatic"):
        learn(held, IMAGES, Recipe(batch=4, homeostasis=.1), epochs=1, chunk=4)
    free = dict(seed=0, shown=2, settling=1, rate=.1, walk_back=.5)
    with pytest.raises(SpikelearnError, match="hold all visible neurons"):
        held.show(IMAGES, held.weights(MACHINE), held=np.array([True, True, False]), **free)
    with pytest.raises(SpikelearnError, match="at least one time step"):
        held.show(IMAGES, held.weights(MACHINE), **free | dict(leg=.01))
    with pytest.raises(SpikelearnError, match="settling must be above 0"):
        Recipe(walk_back=.5, settling=0)
    for field, wrong in (("walk_back", 1.5), ("walk_steps", 0), ("leg", 0), ("decay", -1), ("activity", 2)):
        with pytest.raises(SpikelearnError, match=field):
            Recipe(**{field: wrong})


def test_the_flips_of_one_example_do_not_walk():
    small = machine(device="numpy", examples=1)
    flips = flips_of_one_example(small, IMAGES[0], small.weights(MACHINE), shown=4, settling=1)
    assert sorted(flips["ups"][1][flips["ups"][2] == 0]) == [0, 2]
