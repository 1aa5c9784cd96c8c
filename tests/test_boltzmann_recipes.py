"""Parts of the recipes of Boltzmann machines: gradients by finite differences, steps by hand, laws by enumeration."""
import numpy as np
import pytest
from test_boltzmann import all_weights, codes, random_machine, random_states

from spikelearn import SpikelearnError
from spikelearn.boltzmann import annealing
from spikelearn.boltzmann.classes import Classifier
from spikelearn.boltzmann.exact import all_states, log_likelihood, log_partition
from spikelearn.boltzmann.flow import activity, centred, flip_rate, flow, make_up, pair_flow
from spikelearn.boltzmann.machine import Machine, new_machine, sigmoid
from spikelearn.boltzmann.recipe import Recipe
from spikelearn.boltzmann.rules import learning_rule
from spikelearn.boltzmann.sampling import both_readings, generated, generated_after, reconstructed
from spikelearn.boltzmann.scores import Annealed, annealed
from spikelearn.boltzmann.train import train
from spikelearn.images.datasets import load
from spikelearn.training.adam import Adam

MACHINES = [((6,), (0,)), ((4, 3), ()), ((4, 3), (1,)), ((3, 3, 2), (1, 2)), ((3, 2, 2, 2), ())]
KINDS = [dict(saturation=.4), dict(hidden_flips=False), dict(saturation=.4, hidden_flips=False)]


def slopes(function, machine, h=1e-5):
    """name -> slopes of function(machine) by central differences; symmetric entries of lateral weights together."""
    found = {}
    for name, array in machine.arrays().items():
        found[name] = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            if name.startswith("lateral") and place[0] == place[1]:
                continue
            both = []
            for sign in (1, -1):
                moved = {key: value.copy() for key, value in machine.arrays().items()}
                moved[name][place] += sign * h
                if name.startswith("lateral"):
                    moved[name][place[::-1]] += sign * h
                both.append(function(machine.mapped(lambda key, _, moved=moved: moved[key])))
            found[name][place] = (both[0] - both[1]) / (2 * h)
    return found


def assert_gradient(gradient, known):
    assert set(gradient.arrays()) == set(known)
    for name, array in gradient.arrays().items():
        assert np.abs(array - known[name]).max() < 1e-6, name


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("objective", [flow, pair_flow])
@pytest.mark.parametrize("sizes, lateral", MACHINES)
def test_gradients_of_saturating_rates_and_of_visible_flips_only(sizes, lateral, objective, kind):
    machine = random_machine(sizes, lateral)
    states = random_states(machine, 7)
    _, gradient = objective(machine, states, **kind)
    assert_gradient(gradient, slopes(lambda moved: objective(moved, states, **kind)[0], machine))


def plain(centred_machine, means):
    """The machine whose input is that of one with centred states: b = c - sum w mean, by loops over units."""
    W, c = all_weights(centred_machine)
    mean, b = np.concatenate(means), c.copy()
    for j in range(len(c)):
        for i in range(len(c)):
            b[j] -= W[i, j] * mean[i]
    biases = np.split(b, np.cumsum(centred_machine.sizes)[:-1])
    return Machine(biases, centred_machine.weights, centred_machine.lateral)


@pytest.mark.parametrize("objective", [flow, pair_flow])
@pytest.mark.parametrize("sizes, lateral", MACHINES)
def test_gradient_of_centred_weights(sizes, lateral, objective):
    """The gradient of K by the weights of z = c + sum w (y - mean), at c that makes the machine the same."""
    machine = random_machine(sizes, lateral)
    states = random_states(machine, 7)
    means = [np.random.default_rng(3).random(n) for n in sizes]
    c = [2 * b - moved for b, moved in zip(machine.biases, plain(machine, means).biases, strict=True)]
    shifted = Machine(c, machine.weights, machine.lateral)
    assert all(np.allclose(b, same) for b, same in zip(plain(shifted, means).biases, machine.biases, strict=True))
    gradient = centred(objective(machine, states)[1], means)
    assert_gradient(gradient, slopes(lambda moved: objective(plain(moved, means), states)[0], shifted))


@pytest.mark.parametrize("sizes, lateral", MACHINES)
def test_biases_make_up_for_a_step_of_centred_weights(sizes, lateral):
    """A step of w and c, and the plain biases that belong to it."""
    machine, step = random_machine(sizes, lateral), random_machine(sizes, lateral, seed=1, scale=.1)
    means = [np.random.default_rng(3).random(n) for n in sizes]
    before = plain(machine, means)              # c of `machine`, written as a plain machine
    after = machine.mapped(lambda name, array: array + step.arrays()[name])
    moved = before.mapped(lambda name, array: array + step.arrays()[name])
    make_up(moved, before, means)
    for found, known in zip(moved.biases, plain(after, means).biases, strict=True):
        assert found == pytest.approx(known, abs=1e-12)


def test_activity_is_the_slope_of_the_log_partition_of_hidden_units():
    """The pull of the homeostasis: d/dc mean log(1 + exp z) - activity z, by finite differences."""
    machine = random_machine((4, 3))
    states, rho = random_states(machine, 9), .2

    def penalty(moved):
        z = states[0] @ moved.weights[0] + moved.biases[1]
        return float((np.logaddexp(0, z) - rho * z).sum() / len(z))

    known = slopes(penalty, machine)["biases_1"]
    assert activity(machine, states, 1) - rho == pytest.approx(known, abs=1e-6)


def test_a_saturating_rate_by_hand():
    rate, slope = flip_rate(np.array([-1., 0, 3, 5, 50]), 3.)
    assert rate == pytest.approx([np.exp(-1), 1, np.exp(3), 3 * np.exp(3), 48 * np.exp(3)])
    assert slope == pytest.approx([np.exp(-1), 1, *[np.exp(3)] * 3])
    assert flip_rate(np.array([5., 50]))[0] == pytest.approx(np.exp([5, 50]))


def test_decoupled_decay_by_hand():
    """The step of Adam stays rate against the sign; the decay is taken off beside it, and not off the biases."""
    adam = Adam({"weights_0": np.array([1., -2.]), "biases_0": np.array([5.])})
    adam.step({"weights_0": np.array([3., -.5]), "biases_0": np.array([2.])}, .1, decay=.5)
    assert adam.arrays["weights_0"] == pytest.approx([1 * .95 - .1, -2 * .95 + .1], abs=1e-7)
    assert adam.arrays["biases_0"] == pytest.approx([4.9], abs=1e-7)


def test_homeostasis_brings_hidden_units_to_their_activity():
    x = (np.random.default_rng(1).random((400, 9)) < .4).astype(float)
    recipe = Recipe(rate=1e-3, redraw=1, hidden_flips=False, homeostasis=.1, activity=.25, batch=40)
    machine, _ = train(new_machine((9, 5), mean=x.mean(axis=0), spread=.5), x, "vpf", recipe, epochs=40)
    mean = sigmoid(x @ machine.weights[0] + machine.biases[1]).mean(axis=0)
    assert np.abs(mean - .25).max() < .02
    free, _ = train(new_machine((9, 5), mean=x.mean(axis=0), spread=.5), x, "vpf", recipe, epochs=40, homeostasis=0)
    assert np.array_equal(free.biases[1], np.zeros(5))          # without hidden flips nothing moves them


@pytest.mark.parametrize("fields, steps", [(dict(), 0), (dict(walk_back=1., walk_steps=1), 1),
                                           (dict(walk_back=.5, walk_steps=2), None), (dict(pixel_flips=.25), None)])
def test_hidden_units_of_the_walk_back_follow_their_law(fields, steps):
    """P(h) by the transition matrix of Gibbs steps between the states of 3 + 2 units, and by the flips of 3 pixels."""
    machine = random_machine((3, 2), seed=3)
    v, h = all_states(3), all_states(2)
    given_v = np.array([[np.prod(np.where(up, p, 1 - p)) for up in h.astype(bool)]
                        for p in sigmoid(v @ machine.weights[0] + machine.biases[1])])
    given_h = np.array([[np.prod(np.where(up, p, 1 - p)) for up in v.astype(bool)]
                        for p in sigmoid(h @ machine.weights[0].T + machine.biases[0])])
    known = given_v[5]                                          # of the image 1 0 1
    if "walk_back" in fields:
        q, one = fields["walk_back"], given_h @ given_v
        walked = known @ one
        known = (1 - q) * known + q * ((1 - q) * walked + q * walked @ one) if steps is None else walked
    elif fields:
        flips = (v != v[5]).sum(axis=1)
        known = (.25 ** flips * .75 ** (3 - flips)) @ given_v
    learning = learning_rule("vpf", Recipe(**fields))
    learning.start(machine, np.tile(v[5], (40_000, 1)).astype(np.uint8), np.random.default_rng(2))
    share = np.bincount(codes(learning.states[1]), minlength=4) / 40_000
    assert np.max(np.abs(share - known) / np.sqrt(known * (1 - known) / 40_000)) < 4
    assert np.array_equal(learning.states[0][0], v[5])          # flips are counted on the image itself


def test_redraw_counts_minibatches():
    """Draws at 0, 2 and 4 of the 5 minibatches of an epoch, each of the images that come next."""
    drawn, learning = [], learning_rule("vpf")
    original = type(learning).start

    def start(self, machine, visible, rng):
        drawn.append(len(visible))
        original(self, machine, visible, rng)

    x = np.eye(10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(learning), "start", start)
        train(new_machine((10, 3)), x, "vpf", Recipe(batch=2, redraw=2), epochs=2)
        train(new_machine((10, 3)), x, "vpf", Recipe(batch=2), epochs=1)
    assert drawn == [4, 4, 2, 4, 4, 2, 10]


def test_a_training_with_every_part_resumes_bit_for_bit(tmp_path):
    x = (np.random.default_rng(1).random((60, 9)) < .3).astype(np.float32)
    recipe = Recipe(batch=20, rate=.02, decay=.1, redraw=1, saturation=2, hidden_flips=False, homeostasis=.1,
                    walk_back=.8, pixel_flips=.1, centred=True)
    machine = new_machine((9, 5), dtype=np.float32)
    whole = train(machine, x, "vpf", recipe, epochs=5, seed=3)
    train(machine, x, "vpf", recipe, epochs=2, seed=3, checkpoint=tmp_path / "c.npz")
    resumed = train(machine, x, "vpf", recipe, epochs=5, seed=3, resume=tmp_path / "c.npz")
    for name, array in whole.machine.arrays().items():
        assert array.dtype == np.float32 and np.array_equal(array, resumed.machine.arrays()[name]), name
    with pytest.raises(SpikelearnError, match="made with walk_back=0.8"):
        train(machine, x, "vpf", recipe, epochs=5, seed=3, walk_back=.7, resume=tmp_path / "c.npz")


@pytest.mark.parametrize("fields, sizes, rule, sentence", [
    (dict(walk_back=.5), (4, 2, 2), "vpf", "walk_back is for restricted machines"),
    (dict(homeostasis=.1), (4, 2), "cd1", "homeostasis is a part of vpf, which cd1 does not have"),
    (dict(rounds=3), (4, 2), "vpf", "the recipe has no field 'rounds'"),
    (dict(redraw=-1), (4, 2), "vpf", "redraw must be"), (dict(pixel_flips=.9), (4, 2), "vpf", "pixel_flips must be"),
    (dict(saturation=-1.), (4, 2), "vpf", "saturation must be")])
def test_parts_that_do_not_fit_are_refused_in_a_sentence(fields, sizes, rule, sentence):
    with pytest.raises(SpikelearnError, match=sentence) as refused:
        train(new_machine(sizes), np.zeros((3, 4)), rule, epochs=1, **fields)
    assert "\n" not in str(refused.value)


def test_annealing_backward_finds_log_z_from_samples():
    machine = random_machine((10, 8), seed=6, scale=.8)
    v, known = all_states(10), log_partition(machine)
    P = np.exp(log_likelihood(machine, v))
    ends = v[np.random.default_rng(1).choice(len(v), 400, p=P)]
    found, error = annealing.log_partition_backward(machine, np.full(10, .4), ends, betas=300, seed=1)
    assert error < .1 and abs(found - known) < 3 * error


def test_the_lower_likelihood_is_reported_where_forward_chains_miss_a_mode():
    """All 12 pixels on have e^8 times the probability of all off, and no chain finds them from a dark base."""
    machine = Machine((np.full(12, -9.), np.array([-100.])), (np.full((12, 1), 18.),))
    exact = log_likelihood(machine, np.ones((1, 12)))[0]
    assert exact == pytest.approx(0, abs=.01)                   # log Z = 12 * 18 - 12 * 9 - 100 = 8, so is -E
    both = annealed(machine, np.full(12, .01), np.ones((50, 12)), seed=1)
    assert both.forward == pytest.approx(8, abs=.01) and both.backward < exact + 3 * both.backward_se
    assert both.lower == (both.backward, both.backward_se)
    assert Annealed(-5, -3, .1, .2).lower == (-5, .1)


def test_one_chain_read_after_several_steps():
    """The law of the restricted machine from each reading; readings of a deep machine are those of single chains."""
    machine = random_machine((4, 3), seed=12)
    found = generated_after(machine, 20_000, np.random.default_rng(1), (1, 60))
    P = np.exp(log_likelihood(machine, all_states(4)))
    assert np.abs(found[60].mean(axis=0) - P @ all_states(4)).max() < 4 * .5 / np.sqrt(20_000)
    first = np.array([sigmoid(h @ machine.weights[0].T + machine.biases[0]) for h in all_states(3)]).mean(axis=0)
    assert np.abs(found[1].mean(axis=0) - first).max() < 4 * .5 / np.sqrt(20_000)
    deep = random_machine((4, 3, 2), (1, 2), seed=2)
    one = generated(deep, 5, np.random.default_rng(4), top_steps=3, steps=2)
    assert np.array_equal(generated_after(deep, 5, np.random.default_rng(4), (3,), steps=2)[3], one)


def test_both_readings_are_of_the_same_chains():
    machine = random_machine((4, 3), seed=11)
    images, hidden = np.tile([1., 0, 1, 0], (50, 1)), np.tile([False, True, False, True], (50, 1))
    sample, mean = both_readings(machine, images, hidden, np.random.default_rng(1), steps=9, average=5)
    for average, found in ((0, sample), (5, mean)):
        assert np.array_equal(found, reconstructed(machine, images, hidden, np.random.default_rng(1), 9, average))
    assert set(np.unique(sample)) == {0, 1} and 0 < mean[0, 1] < 1


def test_the_classifier_counts_the_classes_of_digits():
    data = load("digits")
    train_x, held_out = (part.images.reshape(-1, 64) / data.scale for part in (data.train, data.validation))
    classifier = Classifier(train_x, data.train.labels)
    assert (classifier.labels(held_out) == data.validation.labels).mean() > .93
    ones = held_out[data.validation.labels == 1]
    assert classifier.shares(ones).argmax() == 1 and classifier.shares(ones).sum() == pytest.approx(1)
    blank = Classifier(np.zeros((1000, 2)), np.repeat([0, 1, 1, 1], 250))        # only the biases can learn
    assert blank.probabilities(np.zeros((1, 2)))[0] == pytest.approx([.25, .75], abs=.03)
