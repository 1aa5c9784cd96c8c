"""The page of `spikelearn lab`: a rule's file with its numbers as sliders, beside what it explains.

What is computed and drawn is in spikelearn.lab; here it is laid out, a cell for each part of the page.
"""
import marimo

app = marimo.App(width="columns", app_title="spikelearn lab")


@app.cell(column=0)
def _():
    from pathlib import Path

    import marimo as mo

    from spikelearn.lab import figures, page, view
    from spikelearn.lab import rule as rule_text

    folder, session = Path.cwd(), page.Session()
    get_saved, set_saved = mo.state("")
    mo.vstack([mo.Html(page.style()), mo.md("""
    # spikelearn lab
    Edit the rule or move a slider and see what it then explains. The editor runs Python: open files of people you
    trust.
    """)])
    return Path, figures, folder, get_saved, mo, page, rule_text, session, set_saved, view


@app.cell
def _(folder, mo, rule_text, view):
    rules, data = rule_text.rule_files(folder), view.experiment_files(folder)
    opened = mo.ui.dropdown(list(rules), value="synapses/stdp_triplet", label="rule", searchable=True)
    own = mo.ui.text(placeholder="folder/my_rule.py", label="or a file")
    mo.hstack([opened, own], justify="start", wrap=True)
    return data, opened, own, rules


@app.cell
def _(folder, get_saved, mo, rule_text, session):
    get_saved()         # a rule that was saved can be chosen
    others = rule_text.rule_files(folder)
    beside = mo.ui.dropdown(["none", *others], value=session.beside, label="beside it", searchable=True)
    beside
    return beside, others


@app.cell
def _(mo, opened, own, page, rules, session):
    name, original, unread = page.opened(own.value, opened.value, rules)
    session.open()
    editor = mo.ui.code_editor(original, language="python", debounce=400, max_height=520, show_copy_button=False)
    mo.vstack([mo.Html(page.refused(unread)), editor]) if unread else editor
    return editor, name, original


@app.cell
def _(editor, mo, session):
    sliders = mo.ui.dictionary({
        key: mo.ui.slider(steps=steps, value=value, label=label, show_value=True, full_width=True)
        for key, (steps, value, label) in session.sliders(editor.value).items()})
    return (sliders,)


@app.cell
def _(editor, file, mo, name, original, page, session, sliders):
    text = session.text(editor.value, sliders.value)
    rule, mistake = session.read(text, page.title(name, text == original, file.value))
    mo.Html(page.mistake_html(mistake))
    return mistake, rule, text


@app.cell
def _(mo, sliders):
    _all = list(sliders.elements.values())
    mo.hstack([mo.vstack(_all[::2], gap=0.1), mo.vstack(_all[1::2], gap=0.1)], widths="equal", gap=2)
    return


@app.cell
def _(mo):
    file = mo.ui.text("my_rule.py", label="save as")
    save = mo.ui.run_button(label="save")
    return file, save


@app.cell
def _(Path, file, mistake, page, rule_text, save, set_saved, text):
    if save.value and mistake is None:
        _, said = page.attempt(lambda: rule_text.save_rule(text, Path(file.value)))
        set_saved(said or f"{file.value} is saved")
    elif save.value:
        set_saved("a rule with a mistake is not saved")
    return


@app.cell
def _(file, get_saved, mo, save):
    mo.hstack([file, save, mo.md(get_saved())], justify="start", wrap=True)
    return


@app.cell
def _(beside, file, name, original, others, page, rule, session):
    session.beside = beside.value
    shown, clash = page.rules_shown(rule, beside.value, others)
    words = [name if rule and rule.text == original else file.value, beside.value][:len(shown)]
    return clash, shown, words


@app.cell
def _(chosen, measured, mo, page, pairing, view, words):
    commands = view.commands(words, page.experiment_of(measured.value, chosen.value), pairing.value)
    mo.accordion({"the commands that reproduce this page (save the rule first)": mo.ui.code_editor(
        commands, language="shell", disabled=True)})
    return


@app.cell
def _(chosen, measured, mo, page, session, shown):
    _experiment = page.experiment_of(measured.value, chosen.value)
    figure = mo.download(lambda: session.figure_file(), "lab.png", label="figure (PNG)")
    numbers = mo.download(lambda: session.numbers_file(shown, _experiment), "lab.csv", label="numbers (CSV)")
    mo.hstack([figure, numbers], justify="start")
    return


@app.cell(column=1)
def _(mo):
    compute, compute_battery = mo.ui.run_button(label="compute"), mo.ui.run_button(label="compute the battery")
    return compute, compute_battery


@app.cell
def _(clash, compute, compute_battery, mo, page, session, shown):
    _buttons = [compute] * session.waits(shown) + [compute_battery] * session.waits(shown, "stdp_battery")
    mo.vstack([mo.Html(page.refused(clash))] * bool(clash) + [mo.hstack(_buttons, justify="start")] * bool(_buttons))
    return


@app.cell
def _(compute, page, session, shown):
    page.panel(session, shown, lambda: session.curves(shown), "window, frequency and triplets",
               "compute" * (session.waits(shown) and not compute.value))
    return


@app.cell
def _(compute_battery, page, session, shown):
    page.panel(session, shown, lambda: session.battery(shown), "battery",
               "compute the battery" * (session.waits(shown, "stdp_battery") and not compute_battery.value))
    return


@app.cell
def _(data, mo):
    chosen = mo.ui.dropdown(list(data), value="experiments/wang_hippocampus", label="experiment", searchable=True)
    measured = mo.ui.text(placeholder="folder/mine.csv", label="or a file")
    mo.hstack([chosen, measured], justify="start", wrap=True)
    return chosen, measured


@app.cell
def _(chosen, compute, measured, page, session, shown):
    page.panel(session, shown, lambda: session.experiment(shown, page.experiment_of(measured.value, chosen.value)),
               "experiment", "compute" * (session.waits(shown, "stdp_experiment") and not compute.value))
    return


@app.cell
def _(mo):
    pairing = mo.ui.text("pre 0; post 10; 60 at 1*Hz", label="traces of the pairing (times in ms)", full_width=True)
    pairing
    return (pairing,)


@app.cell
def _(page, pairing, session, shown):
    page.panel(session, shown, lambda: session.traces(shown, pairing.value), "traces of one pairing")
    return


if __name__ == "__main__":
    app.run()
