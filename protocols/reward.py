"""A critic and an actor, both trained by equilibrium propagation on spikes: a choice task and a reaching task.

Bengio (2016), slides at NIPS 2016, and Bengio et al. (2015) arXiv:1502.04156, section 9, name the idea (a critic that
predicts rewards, an actor trained through it, both by the rule of equilibrium propagation) and give no experiment: all
of this is our own construction. Rule and phases: Scellier & Bengio (2017) Front Comput Neurosci 11:24.
Critic: cue and action are its pixels, its output is the expected reward. It learns from the executed
action, with its output nudged to the received reward. Steering: shown the action that the actor means, its output is
nudged to the best reward, and nothing is learnt; the response of its hidden units to the nudge, times their weights
from the action, is the message to the action units through the same synapses. Actor: cue to action; its outputs are
nudged to the meant action plus the message. (One network of both, in which the message travels by itself, has so much
recurrent gain that the units of action fall to 0 or 1.) One network at a time, no twin: what the rule collects in a
window of the free phase is subtracted. Trials run side by side, their changes are applied together. In the first
rounds actions are random and only the critic learns.
Choice: two cues, two arms, rewarded in 80 and 20 % of the trials; the critic is shown how strongly each arm was meant,
as its message is read at such mixed actions. Reach: a hand on a line, held by two antagonists, a
reward that falls with the squared distance from a target (a hand held still in the middle scores 33 %).
Control: the same with rewards drawn from other trials.
The critic learns faster than the actor, whose units of action start near .3: far below 0 they would stay silent.
The rule keeps the weights moving: what is scored is the actor with the mean of its weights over the last rounds
(Polyak & Juditsky (1992) SIAM J Control Optim 30:838); of the control all rounds in which it learns, as nothing is
gained.
"""

import numpy as np

from spikelearn.command.command_line import run_protocol
from spikelearn.equilibrium.side_by_side import Copies, Phases
from spikelearn.plotting import heading
from spikelearn.ranges.check import checked
from spikelearn.ranges.quick import always, at_most
from spikelearn.results.result import Accepted, Result
from spikelearn.simulation.programs import compiler

FIGURE_SIZE = (13, 4.6)
ACCEPTED = {
    "choice_percent": Accepted(90, 100, "trials with the better arm, without exploration, at the end; chance is 50"),
    "reach_percent": Accepted(55, 100, "reaches that end within 0.1 of the target, at the end; a hand held still in "
                                       "the middle has 33; bound from the spread of the agents"),
    "choice_control_percent": Accepted(0, 75, "rewards of other trials: must not be learnt; chance is 50"),
}
NEAR = .1                       # a reach this close counts; chosen here
SPREAD = {"actor": .3, "critic": 1.0}      # of the first weights, in units of 1/sqrt(fan-in); chosen here
CONTROLS = 8                    # agents of the control: one that learns nothing has a cue's trials all right or wrong


class Task:
    """cue : rng, n -> (n, pixels); reward, success, distance : cue, action -> (n,). Actions are (n, 2), 0 to 1.

    noise : of actions; rates : of critic and actor; step : how far a message of size 1 moves the wanted action;
    slower : share of the rates lost by the end; babbling : share of the rounds with random actions. Numbers: chosen
    here."""

    def __init__(self, pixels, noise, rates, step, slower, babbling):
        self.pixels, self.noise, self.rates, self.step = pixels, noise, rates, step
        self.slower, self.babbling = slower, babbling

    def wanted(self, action, message):
        """What the actor's outputs are nudged to."""
        return np.clip(action + self.step * message, 0, 1)


class Choice(Task):
    """Two cues, two arms, the stronger unit of action takes its arm; the one that goes with the cue pays in 80 % of the
    trials, the other in 20 %."""

    cues = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])

    def cue(self, rng, n):
        return self.cues[rng.integers(0, 2, n)].astype(float)

    def reward(self, cue, action, rng):
        return (rng.random(len(action)) < np.where(self.success(cue, action), .8, .2)).astype(float)

    def distance(self, cue, action):
        return 1.0 - self.success(cue, action)

    def success(self, cue, action):
        return action.argmax(axis=1) == cue[:, 2].astype(int)

    def wanted(self, action, message):
        """The arms inhibit each other: their sum is held, else both grow until nothing tells them apart."""
        return super().wanted(.5 + apart(action), apart(message))


def apart(pair):
    """By how much each of the two lies above their mean."""
    return pair - pair.mean(axis=1, keepdims=True)


class Reach(Task):
    """A target on a line, shown by four cells tuned to places; the hand is where two antagonists, the units of action,
    hold it: half way for equal ones. The reward falls with the squared distance."""

    centres, width = np.array([.2, .4, .6, .8]), .15

    def cue(self, rng, n):
        return np.exp(-(rng.uniform(.2, .8, (n, 1)) - self.centres)**2 / (2 * self.width**2))

    def target(self, cue):
        """Place that the cells show: their logarithms are parabolas of it."""
        difference = np.log(cue[:, 3]) - np.log(cue[:, 0])
        return self.centres[[0, 3]].mean() + difference * self.width**2 / (self.centres[3] - self.centres[0])

    def distance(self, cue, action):
        place = np.clip((1 + action[:, 0] - action[:, 1]) / 2, 0, 1)
        return np.abs(place - self.target(cue))

    def reward(self, cue, action, rng):
        return np.clip(1 - 4 * self.distance(cue, action)**2, 0, 1)

    def success(self, cue, action):
        return self.distance(cue, action) < NEAR


TASKS = {"choice": Choice(4, .3, (.6, .2), 30.0, .9, 1 / 2), "reach": Reach(4, .15, (1.0, .5), 15.0, .8, 1 / 3)}


class Agent:
    """Actor and critic, a network each. Weights: {"actor": [(below, above), ...], "critic": [...]}, biases likewise."""

    def __init__(self, task, trials, rule, hidden, beta, phases, seed, device):
        rng, self.task, self.beta = np.random.default_rng([seed, 11]), task, beta
        sizes = {"actor": (task.pixels, hidden, 2), "critic": (task.pixels + 2, hidden, 1)}
        self.networks = {name: Copies(size, trials, rule, phases=phases, device=device) for name, size in sizes.items()}
        self.w = {name: [rng.normal(0, SPREAD[name] / np.sqrt(below), (below, above))
                         for below, above in zip(size, size[1:])] for name, size in sizes.items()}
        self.b = {name: [np.full(above, .3) for above in size[1:]] for name, size in sizes.items()}

    def show(self, name, pixels, targets, seed):
        """What a network's rule collects in both phases."""
        return self.networks[name].show(pixels, targets, self.w[name], self.b[name], self.beta, seed=seed)

    def message(self, cue, action, seed):
        """How the critic wants the action changed, (n, 2): its value nudged up, read through its own weights."""
        got = self.show("critic", np.hstack([cue, action]), np.ones((len(cue), 1)), seed)
        return got.biases[0] @ self.w["critic"][0][-2:].T

    def learn(self, name, got, rate):
        """Apply what the synapses of one network collected, mean of the trials."""
        self.w[name] = [w + rate * change.mean(axis=0) for w, change in zip(self.w[name], got.weights)]
        self.b[name] = [b + rate * change.mean(axis=0) for b, change in zip(self.b[name], got.biases)]
SHORT_FORM = dict(seeds=always(1), choice_rounds=at_most(120), reach_rounds=always(0))


@checked
def run(synapse="synapses/voltage_derivative_symmetric", *, trials=50, choice_rounds=400, reach_rounds=300, hidden=20,
        beta=0.3, free=160, nudged=60, seeds=4, seed=1, device="auto", quick=False):
    """trials : side by side in one round; hidden : units of the actor's and of the critic's layer. Returns a Result.

    seeds : agents, with other first weights; of the control at least CONTROLS.
    """
    if device == "auto" and compiler():
        device = "cpp"
    phases, arrays, headline = Phases(free, nudged, nudged, 40), {}, {}
    for name, rounds in {"choice": choice_rounds, "reach": reach_rounds}.items():
        for control in (False, True) if rounds else ():
            curves = [train(TASKS[name], trials, rounds, synapse, hidden, beta, phases, seed + k, control, device)
                      for k in range(max(seeds, CONTROLS) if control else seeds)]
            key = f"{name}_control" if control else name
            for what in curves[0]:
                arrays[f"{key}_{what}"] = np.array([one[what] for one in curves])
            learning = slice(int(np.ceil(TASKS[name].babbling * rounds)), None)
            scored = arrays[f"{key}_success"][:, learning] if control else arrays[f"{key}_scored"][:, 0]
            headline[f"{key}_percent"] = 100 * scored.mean()
    if "reach_scored" in arrays:
        headline["reach_distance"] = arrays["reach_scored"][:, 1].mean()
    return Result("reward", arrays, headline)


def train(task, trials, rounds, rule, hidden, beta, phases, seed, control, device):
    """Curves (rounds,) of one agent: success and distance without exploration, reward, error of the value; and
    `scored`: success and distance with the mean of the actor's weights over the last sixth of the rounds."""
    rng, kept = np.random.default_rng([seed, 12]), []
    agent = Agent(task, trials, rule, hidden, beta, phases, seed, device)
    curves = {"success": [], "reward": [], "value_error": [], "distance": []}
    for k in range(rounds):
        slower = 1 - task.slower * k / rounds
        seeds, cue = rng.integers(2**31, size=3), task.cue(rng, trials)
        action = np.clip(agent.show("actor", cue, np.full((trials, 2), .5), seeds[0]).mean_input, 0, 1)
        babbling = k < task.babbling * rounds
        done = rng.uniform(size=action.shape) if babbling else action + task.noise * rng.standard_normal(action.shape)
        done = np.clip(done, 0, 1)
        reward = task.reward(cue, done, rng)
        given = rng.permutation(reward) if control else reward
        judged = agent.show("critic", np.hstack([cue, done]), given[:, None], seeds[1])
        if not babbling:
            wanted = task.wanted(action, agent.message(cue, action, seeds[2]))
            agent.learn("actor", agent.show("actor", cue, wanted, seeds[0]), slower * task.rates[1])
        agent.learn("critic", judged, slower * task.rates[0])
        kept += [(*agent.w["actor"], *agent.b["actor"])] if k >= rounds - max(rounds // 6, 1) else []
        curves["success"].append(task.success(cue, action).mean())
        curves["distance"].append(task.distance(cue, action).mean())
        curves["reward"].append(reward.mean())
        curves["value_error"].append(((judged.mean_input[:, 0] - given)**2).mean())
    means = [np.mean(part, axis=0) for part in zip(*kept)]
    agent.w["actor"], agent.b["actor"] = means[:2], means[2:]
    return {what: np.array(values) for what, values in curves.items()} | {"scored": score(agent, task, trials, rng)}


def score(agent, task, trials, rng, shows=4):
    """(success, distance) of the actor as it is, without exploration, mean of some rounds of trials."""
    found = []
    for _ in range(shows):
        cue = task.cue(rng, trials)
        answers = agent.show("actor", cue, np.full((trials, 2), .5), int(rng.integers(2**31))).mean_input
        action = np.clip(answers, 0, 1)
        found.append((task.success(cue, action).mean(), task.distance(cue, action).mean()))
    return np.mean(found, axis=0)


def plot(result, figure):
    """Success of both tasks with their controls; what the critic misses."""
    a, headline = result.arrays, result.headline
    tasks = [name for name in TASKS if f"{name}_success" in a]
    axes = figure.subplots(1, len(tasks) + 1)
    for ax, name in zip(axes, tasks):
        for key, colour, label in ((f"{name}_control", "0.6", "rewards of other trials"),
                                   (name, "C0", "actor and critic")):
            rows = smooth(100 * a[f"{key}_success"])
            ax.plot(np.arange(1, rows.shape[1] + 1), rows.mean(axis=0), color=colour, lw=1.8,
                    label=f"{label}: {headline[f'{key}_percent']:.0f} %")
            ax.fill_between(np.arange(1, rows.shape[1] + 1), rows.min(axis=0), rows.max(axis=0), color=colour, alpha=.2,
                            lw=0)
        ax.axhline(ACCEPTED[f"{name}_percent"].low, color="k", lw=.8, ls=":")
        ax.set(xlabel="round of trials", ylabel="success without exploration (%)", ylim=(0, 102))
        ax.legend(fontsize=8, loc="lower right")
    heading(axes[0], "Two cues, two arms", "reward in 80 / 20 % of the trials; dotted: must be passed")
    if "reach" in tasks:
        heading(axes[1], "Reaching", f"success = within {NEAR} of the target; mean distance at the end "
                f"{headline['reach_distance']:.2f}")
    for name, colour in zip(tasks, ("C1", "C2")):
        rows = smooth(a[f"{name}_value_error"])
        axes[-1].plot(np.arange(1, rows.shape[1] + 1), rows.mean(axis=0), color=colour, label=name)
    axes[-1].set(xlabel="round of trials", ylabel="(value − reward)²", yscale="log")
    axes[-1].legend(fontsize=8)
    heading(axes[-1], "What the critic misses", "mean of the trials, running mean of 5 rounds")


def smooth(rows, width=5):
    """Running mean of the last `width` rounds."""
    padded = np.pad(rows, ((0, 0), (width - 1, 0)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, width, axis=1).mean(axis=-1)


if __name__ == "__main__":
    run_protocol()
