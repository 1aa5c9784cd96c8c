"""Naive second implementations of the learning rules, to hold the Brian2 models against.

Plain loops over sorted spike times, straight from the papers' equations; no code of the package.
Times are lists of numbers in seconds (Brian2 quantities are read as such); potentials are in mV where a
parameter is; changes add up from w0, without bounds unless w_min or w_max is given.

Coincident spikes: the pre spike is handled first. It sees no trace of a post spike of the same moment, while
that post spike sees the pre spike: delta_t = 0 counts as pre before post, with the full A_plus.
"""
from math import exp

import numpy as np


def events(pre, post):
    """[(time, "pre" or "post"), ...] in time order, a pre spike before a post spike of the same moment."""
    order = sorted([(t, 0) for t in _seconds(pre)] + [(t, 1) for t in _seconds(post)])
    return [(t, ("pre", "post")[side]) for t, side in order]


def null(pre, post, w0=0.0):
    """Nothing is learnt."""
    return w0


def pair_all_to_all(pre, post, A_plus, A_minus, tau_plus, tau_minus, w0=0.0, w_min=None, w_max=None):
    """Every pre spike with every post spike. Song, Miller & Abbott (2000); Kempter et al. (1999)."""
    changes = []
    for t_pre in _seconds(pre):
        for t_post in _seconds(post):
            delta_t = t_post - t_pre
            if delta_t >= 0:
                changes.append((t_post, 1, A_plus * exp(-delta_t / tau_plus)))
            else:
                changes.append((t_pre, 0, -A_minus * exp(delta_t / tau_minus)))
    return _summed(changes, w0, w_min, w_max)


def pair_nearest_presynaptic(pre, post, A_plus, A_minus, tau_plus, tau_minus, w0=0.0, w_min=None, w_max=None):
    """Each pre spike with the last post spike before it and the first one from it on.

    The presynaptic-centred scheme, Izhikevich & Desai (2003); a post spike may serve several pre spikes.
    """
    changes = []
    for t_pre in _seconds(pre):
        before = [t for t in _seconds(post) if t < t_pre]
        after = [t for t in _seconds(post) if t >= t_pre]
        if before:
            changes.append((t_pre, 0, -A_minus * exp((before[-1] - t_pre) / tau_minus)))
        if after:
            changes.append((after[0], 1, A_plus * exp((t_pre - after[0]) / tau_plus)))
    return _summed(changes, w0, w_min, w_max)


def pair_nearest_symmetric(pre, post, A_plus, A_minus, tau_plus, tau_minus, w0=0.0, w_min=None, w_max=None):
    """Each pre spike with the last post spike before it, each post spike with the last pre spike up to it.

    The symmetric scheme, Morrison, Diesmann & Gerstner (2008) Fig. 7A; traces that a spike sets to 1 give it.
    """
    changes = []
    for t_pre in _seconds(pre):
        before = [t for t in _seconds(post) if t < t_pre]
        if before:
            changes.append((t_pre, 0, -A_minus * exp((before[-1] - t_pre) / tau_minus)))
    for t_post in _seconds(post):
        before = [t for t in _seconds(pre) if t <= t_post]
        if before:
            changes.append((t_post, 1, A_plus * exp((before[-1] - t_post) / tau_plus)))
    return _summed(changes, w0, w_min, w_max)


def triplet(pre, post, A2_plus, A3_plus, A2_minus, A3_minus, tau_plus, tau_minus, tau_x, tau_y,
            scheme="all-to-all", w0=0.0, w_min=None, w_max=None):
    """Pfister & Gerstner (2006) equations 1-4.

    r1, r2 (pre) and o1, o2 (post) decay with tau_plus, tau_x, tau_minus, tau_y; a spike adds 1 to its own two
    ("all-to-all") or sets them to 1 ("nearest-spike"). r2 and o2 count just before the present spike.
    """
    assert scheme in ("all-to-all", "nearest-spike")
    keep = 1.0 if scheme == "all-to-all" else 0.0
    r1 = r2 = o1 = o2 = last = 0.0
    changes = []
    for t, side in events(pre, post):
        r1 *= exp(-(t - last) / tau_plus)
        r2 *= exp(-(t - last) / tau_x)
        o1 *= exp(-(t - last) / tau_minus)
        o2 *= exp(-(t - last) / tau_y)
        last = t
        if side == "pre":
            changes.append((t, 0, -o1 * (A2_minus + A3_minus * r2)))
            r1, r2 = keep * r1 + 1, keep * r2 + 1
        else:
            changes.append((t, 1, r1 * (A2_plus + A3_plus * o2)))
            o1, o2 = keep * o1 + 1, keep * o2 + 1
    return _summed(changes, w0, w_min, w_max)


def voltage_derivative_trace(pre, post, tau_s, tau_v, eta=1.0, w0=0.0):
    """dw = eta * integral of x dV: x gains 1 at a pre spike, V gains 1 at a post spike, both decay.

    x decays with tau_s, V with tau_v, so between events x dV/dt is an exponential, integrated exactly here up
    to the end of time. Equal to `balanced_pair`, which is the same thing integrated by parts.
    """
    x = V = total = last = 0.0
    for t, side in events(pre, post):
        total -= x * V * tau_s / (tau_s + tau_v) * (1 - exp(-(t - last) * (1 / tau_s + 1 / tau_v)))
        x *= exp(-(t - last) / tau_s)
        V *= exp(-(t - last) / tau_v)
        last = t
        if side == "pre":
            x += 1
        else:
            total += x
            V += 1
    return w0 + eta * (total - x * V * tau_s / (tau_s + tau_v))


def balanced_pair(pre, post, tau_s, tau_v, eta=1.0, w0=0.0):
    """Pair STDP, all to all, with A_plus tau_plus = A_minus tau_minus: the form of the trace rule above."""
    A_plus, A_minus = eta * tau_v / (tau_s + tau_v), eta * tau_s / (tau_s + tau_v)
    return pair_all_to_all(pre, post, A_plus, A_minus, tau_s, tau_v, w0)


def voltage_derivative_at_spike(pre, post, tau_v, eta=1.0, w0=0.0):
    """dw = eta dV/dt at each pre spike, V gaining 1 at each post spike and decaying with tau_v.

    The jumps themselves have no derivative and do not count, so dV/dt = -V / tau_v.
    """
    w = w0
    for t_pre in _seconds(pre):
        V = sum(exp(-(t_pre - t) / tau_v) for t in _seconds(post) if t < t_pre)
        w -= eta * V / tau_v
    return w


def clopath(pre_steps, u, dt, theta_minus, theta_plus, A_LTD, A_LTP, tau_x, tau_minus, tau_plus, w0=0.0,
            u_start=None, w_min=None, w_max=None, post_steps=(), wait=0):
    """Clopath, Buesing, Vasilaki & Gerstner (2010), Euler steps, without homeostasis (u_ref).

    pre_steps : steps in which the pre neuron spikes; u : (n,) potential in mV; dt and taus in one unit
    A_LTD per mV, A_LTP per mV^2 with x in 1/time (a pre spike adds 1/tau_x); filters start at u_start (u[0]).
    In a step: pre spike (LTD with the old filter, then x jumps), LTP with the old filter, filters move.
    post_steps, wait : after a post spike (taken after the pre spike of its step) the next `wait` steps, and the spikes
    between and right after them, read the filters as they were at the spike.
    """
    start = u[0] if u_start is None else u_start
    w, x, u_minus, u_plus, spikes, posts = w0, 0.0, start, start, set(pre_steps), set(post_steps)
    stored, until = (start, start), -1
    for k in range(len(u)):
        read = stored if k <= until else (u_minus, u_plus)
        if k in spikes:
            w = _bounded(w - A_LTD * max(read[0] - theta_minus, 0), w_min, w_max)
            x += 1 / tau_x
        if k in posts:
            stored, until = read, k + wait
        read = stored if k < until else (u_minus, u_plus)
        growth = A_LTP * x * max(u[k] - theta_plus, 0) * max(read[1] - theta_minus, 0)
        w = _bounded(w + dt * growth, w_min, w_max)
        x -= dt * x / tau_x
        u_minus += dt * (u[k] - u_minus) / tau_minus
        u_plus += dt * (u[k] - u_plus) / tau_plus
    return w


def vpf_asymmetric(pre_flips, post_flips, pre_state=0, post_state=0, flip_rates=None, eta=1.0, w0=0.0):
    """Two-state neurons, after Liu & Lin (2017): each flip of post while pre is excited changes w.

    pre_flips, post_flips : times at which the state changes, from pre_state and post_state (0 or 1) on
    flip_rates : delta_j of each post flip (None: 1); the change is eta/2 times it, up: +, down: -
    """
    w, pre_is, post_is, flip = w0, pre_state, post_state, 0
    for _, side in events(pre_flips, post_flips):
        if side == "pre":
            pre_is = 1 - pre_is
            continue
        rate = 1.0 if flip_rates is None else flip_rates[flip]
        alpha = 0.5 if post_is == 0 else -0.5
        w += eta * pre_is * alpha * rate
        post_is, flip = 1 - post_is, flip + 1
    return w


def _seconds(times):
    return sorted(float(t) for t in np.asarray(times, dtype=float))


def _summed(changes, w0, w_min, w_max):
    """w0 plus all changes [(time, 0 for pre or 1 for post, change)], in time order because bounds need it."""
    w = w0
    for _, _, change in sorted(changes):
        w = _bounded(w + change, w_min, w_max)
    return w


def _bounded(w, w_min, w_max):
    w = w if w_min is None else max(w, w_min)
    return w if w_max is None else min(w, w_max)
