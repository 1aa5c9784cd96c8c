"""A naive second implementation of a layered integrate-and-fire network that is shown images: plain loops, no Brian2.

One step of 1: potentials and low-passed inputs by Euler's rule, the potential clipped, its change low-passed, the
phases advanced; then all spikes of the step, what rules learn from them, and their arrival; then the reset by
subtraction. All connections reach both ways but those from the pixels.
"""
import numpy as np

TAU, TAU_SYN, P_MAX = 10, 5, 0.5         # in steps of 1 ms


def show_image(weights, biases, x, target, beta, free, nudged, listen, window=0, tau_d=0, signs=(1,)):
    """One presentation from rest.

    weights : [(below, above), ...]; biases : [(above,), ...]; x : (pixels,); target : (outputs,).
    nudged : length of the nudged phase, or of each of them; signs : the sign of each one's nudge.
    Returns a dict: mean_input (outputs,); s (outputs,) at the end of the free phase; spikes
    [(step, population, i), ...]; nudged_phase and window: what each spike's count times the other side's change (times
    the sign of the nudge) adds up to, ([...], [...]) in the shapes of weights and biases.
    """
    sign_at = [0] * free
    for length, sign in zip(np.atleast_1d(nudged), signs, strict=True):
        sign_at += [sign] * int(length)
    sizes = [len(x), *(len(b) for b in biases)]
    s, current, phase, ds = ([np.zeros(n) for n in sizes] for _ in range(4))
    s[0] = np.array(x, dtype=float)
    bias_phase, mean_input, spikes, s_free = 0.0, np.zeros(sizes[-1]), [], None
    sums = {part: ([np.zeros_like(w) for w in weights], [np.zeros_like(b) for b in biases])
            for part in ("nudged_phase", "window")}
    for step, sign in enumerate(sign_at, 1):
        drives = [None] + [current[k] / (P_MAX * TAU_SYN) for k in range(1, len(sizes))]
        advance = [P_MAX * s[k] for k in range(len(sizes))]
        for k in range(1, len(sizes)):
            pull = sign * beta * (target - s[k]) if k == len(sizes) - 1 else 0
            new = np.clip(s[k] + (drives[k] + pull - s[k]) / TAU, 0, 1)
            ds[k] = ds[k] + (new - s[k] - ds[k]) / (1 + tau_d)
            s[k] = new
            current[k] = current[k] - current[k] / TAU_SYN
        fired = []
        for k in range(len(sizes)):
            phase[k] = phase[k] + advance[k]
            fired.append(np.flatnonzero(phase[k] >= 1))
            spikes += [(step, k, int(i)) for i in fired[k]]
        bias_phase += P_MAX
        bias_fires = bias_phase >= 1
        if free - listen < step <= free:
            mean_input += current[-1] / (P_MAX * TAU_SYN) / listen
        part = "nudged_phase" if step > free else "window" if step > free - window else None
        counts = sign if step > free else 1
        for k, w in enumerate(weights):
            for i in fired[k]:
                current[k + 1] = current[k + 1] + w[i]
                if part:
                    sums[part][0][k][i] += counts * ds[k + 1]
            if k > 0:
                for j in fired[k + 1]:
                    current[k] = current[k] + w[:, j]
                    if part:
                        sums[part][0][k][:, j] += counts * ds[k]
            if bias_fires:
                current[k + 1] = current[k + 1] + biases[k]
                if part:
                    sums[part][1][k] += counts * ds[k + 1]
        for k in range(len(sizes)):
            phase[k][fired[k]] -= 1
        bias_phase -= bias_fires
        if step == free:
            s_free = s[-1].copy()
    return {"mean_input": mean_input, "s": s_free, "spikes": spikes, **sums}


def changes(weights, biases, x, target, rule, rates, beta=0.5, **phases):
    """Weight changes of one image, for the rule "temporal" (the sign of the nudge turns), "single", "twin" (un-nudged
    copy) or "centred" (opposite nudge).

    Without noise in the pixels a twin is nothing but a second network that is shown the same image. The temporal twin's
    is divided by how often it sees the response to the nudge: by 1 at its beginning, by 2 at each turn.
    Returns (changes of the weights, changes of the biases).
    """
    eta = [rate / (beta * P_MAX) for rate in rates]
    main = show_image(weights, biases, x, target, beta, **phases)
    if rule == "temporal":
        times = 1 + 2 * sum(a != b for a, b in zip(phases["signs"], phases["signs"][1:]))
        return tuple([e * part / times for e, part in zip(eta, parts)] for parts in main["nudged_phase"])
    if rule == "single":
        other, share = main["window"], 1
    else:
        twin = show_image(weights, biases, x, target, {"twin": 0, "centred": -beta}[rule], **phases)
        other, share = twin["nudged_phase"], {"twin": 1, "centred": 0.5}[rule]
    return tuple([share * e * (a - b) for e, a, b in zip(eta, ours, theirs)]
                 for ours, theirs in zip(main["nudged_phase"], other))
