"""The state of one page, and the small pieces of HTML on it."""
import base64
import gc
import html
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from spikelearn.command.command_line import sentence
from spikelearn.equations.records import SynapseModel
from spikelearn.lab.curves import Curves
from spikelearn.lab.figures import FILE, battery_table, csv_text, experiment_figure, png, traces_figure
from spikelearn.lab.rule import Mistake, numbers_of, positions, read_rule, with_numbers
from spikelearn.lab.view import View, is_live

LINES = 400         # of a rule's file, in which a mistake is marked
STYLE = """<style>
div:has(> div.m-auto.w-fit) {padding: 0 1.5rem !important;}
div.flex-row > div.w-\\(--content-width\\):first-child {width: 37vw; max-width: 640px;}
div.flex-row > div.w-\\(--content-width\\):last-child {width: 56vw; max-width: 960px;}
@media (max-width: 1000px) {
  div.flex-row:has(> div.w-\\(--content-width\\)) {flex-direction: column;}
  div.flex-row > div.w-\\(--content-width\\) {width: 92vw !important;}
}
.output-area {padding-top: .1rem !important; padding-bottom: .1rem !important;}
.lab-mistake {font-size: .9rem; border-left: 4px solid #c62828; background: #fdecea; padding: .4rem .7rem;}
.lab-fine {font-size: .9rem; color: #555;}
table.battery {border-collapse: collapse; font-size: .9rem;}
table.battery th, table.battery td {padding: .1rem .8rem; text-align: right; border-bottom: 1px solid #ddd;}
table.battery th:first-child, table.battery td:first-child {text-align: left;}
</style>"""


def style() -> str:
    """The page's style, as HTML. The editor takes over style sheets whose title begins with "marimo".

    Line k of the editor is marked, and a sentence stands below it, where the page sets the two properties
    --lab-line-k and --lab-said-k; see mistake_html.
    """
    line = ".cm-content > .cm-line:nth-child({0}):not(.cm-gap ~ *)"      # lines out of sight are a gap
    rules = [line + "{{background: var(--lab-line-{0}, transparent)}}" + line + "::after{{content: "
             "var(--lab-said-{0}, none); display: block; white-space: normal; position: sticky; left: 3rem;"
             "max-width: 31vw; color: #b71c1c; font-family: sans-serif; font-size: .85rem;}}"]
    sheet = "".join(rule.format(k) for k in range(1, LINES + 1) for rule in rules)
    return f'{STYLE}<style title="marimo-lab">.text-xs {{white-space: nowrap;}}{sheet}</style>'


class Session:
    """What one page remembers: sliders that were moved, the last rule without a mistake, its figure."""

    def __init__(self):
        self.view, self.rule, self.figure, self.beside = View(), None, None, "synapses/stdp_pair"
        self.moved, self.shown = {}, {}         # name -> (number in the text, slider); sliders on the page
        self.written, self.steps = None, {}     # numbers in the text; name -> positions of its slider

    def open(self) -> None:
        """Forget the sliders of the rule before."""
        self.moved, self.shown = {}, {}

    def sliders(self, text: str) -> dict[str, tuple[list[float], float, str]]:
        """Name -> (positions, position, label) of every number with a slider. A moved slider stays where it is.

        A slider returns to the number in the text when that number is edited.
        """
        if read_rule(text, "rule")[1] is not None:
            return self.shown           # until the mistake is corrected
        found, numbers = {}, numbers_of(text)
        if [(one.name, one.value, one.unit) for one in numbers.values()] != self.written:
            self.steps = {name: positions(text, name) for name in numbers}
            self.written = [(one.name, one.value, one.unit) for one in numbers.values()]
        for name, number in numbers.items():
            steps = self.steps[name]
            written, value = self.moved.get(name, (number.value, number.value))
            value = value if written == number.value and value in steps else number.value
            if len(steps) > 1:
                found[name] = steps, value, f"{name} ({number.unit})" if number.unit else name
        self.shown = found
        return found

    def text(self, written: str, values: Mapping[str, float]) -> str:
        """The text with the numbers of the sliders."""
        numbers = numbers_of(written)
        self.moved |= {name: (numbers[name].value, value) for name, value in values.items() if name in numbers}
        self.shown = {name: (steps, values.get(name, value), label)
                      for name, (steps, value, label) in self.shown.items()}
        return with_numbers(written, values)

    def read(self, text: str, name: str) -> tuple[SynapseModel | None, Mistake | None]:
        """The rule of a text, or the last one that could be read, and the mistake."""
        rule, mistake = read_rule(text, name)
        self.rule = rule or self.rule
        return self.rule, mistake

    def is_quick(self, rules: Sequence[SynapseModel]) -> bool:
        """Whether these rules are shown at once: their networks are built, or their results known."""
        return all(self.view.is_built(rule) if is_live(rule) else self.view.knows(rule) for rule in rules)

    def waits(self, rules: Sequence[SynapseModel], protocol: str = "stdp_window") -> bool:
        """Whether a rule is integrated in time steps, seconds to minutes long, and a protocol not yet computed."""
        return any(not is_live(rule) and not self.view.knows(rule, protocol) for rule in rules)

    def curves(self, rules: Sequence[SynapseModel]) -> bytes:
        """Window, frequency and triplets of the rules as a PNG picture."""
        titles, results = [rule.title for rule in rules], [self.view.curves(rule) for rule in rules]
        if self.figure is None or self.figure.titles != tuple(titles):
            self.figure = Curves(titles, results)
            gc.freeze()         # Brian2 looks for garbage at each run, which takes a third of the time of a slider
        else:
            self.figure.update(results)
        return self.figure.screen()

    def battery(self, rules: Sequence[SynapseModel]) -> str:
        """E of the rules in all shipped experiments, as an HTML table."""
        return battery_table([(rule.title, self.view.battery(rule)) for rule in rules])

    def experiment(self, rules: Sequence[SynapseModel], name: str) -> bytes:
        """One experiment and the predictions of the rules as a PNG picture."""
        return png(experiment_figure([(rule.title, self.view.experiment(rule, name)) for rule in rules]))

    def traces(self, rules: Sequence[SynapseModel], pairing: str) -> bytes:
        """The traces of the rules in one pairing as a PNG picture."""
        return png(traces_figure([(rule.title, self.view.traces(rule, pairing)) for rule in rules]))

    def figure_file(self) -> bytes:
        """The figure of the curves for a paper: a PNG picture with more dots."""
        return png(self.figure.figure, FILE)

    def numbers_file(self, rules: Sequence[SynapseModel], name: str) -> bytes:
        """All numbers of the page as a CSV file. name : of the experiment."""
        parts = [[(rule.title, make(rule)) for rule in rules] for make in (
            self.view.curves, self.view.battery, lambda rule: self.view.experiment(rule, name))]
        return csv_text(*parts).encode()


def opened(own: str, name: str, rules: Mapping[str, Path]) -> tuple[str, str, str]:
    """(name for the command line, text, sentence): the user's own file, or the chosen rule where there is none."""
    said = f"'{own}' is not the name of a Python file, such as my_rule.py" * bool(own)
    if own.endswith(".py"):
        try:
            return own, Path(own).read_text(encoding="utf-8"), ""
        except (OSError, UnicodeDecodeError) as error:
            said = f"'{own}' cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}"
    return name, rules[name].read_text(encoding="utf-8"), said


def title(name: str, is_original: bool, file: str) -> str:
    """Name of the rule that is shown: that of its file, once it is edited that of the file to save it in."""
    return Path(name if is_original else file).stem or "my_rule"


def experiment_of(own: str, name: str) -> str:
    """The user's own CSV file, or the chosen experiment where there is none."""
    return own or name


def attempt(make) -> tuple[object, str]:
    """(what a function returns, "") or (None, one sentence)."""
    try:
        return make(), ""
    except Exception as error:
        return None, sentence(error)


def rules_shown(rule: SynapseModel | None, beside: str, rules: Mapping[str, Path]) -> tuple[list, str]:
    """The rules that are shown, and a sentence if the one beside cannot be.

    rule : the edited one, None if there is none yet. beside : name of the other one, or "none".
    """
    mine = [rule] if rule else []
    if beside not in rules:
        return mine, ""
    other, mistake = read_rule(rules[beside].read_text(encoding="utf-8"), rules[beside].stem)
    if mistake:
        return mine, f"{beside}: {mistake.sentence}"
    if rule and other.title == rule.title:
        same = other.text == rule.text
        return mine, "" if same else f"two rules are called {rule.title}: choose another name to save the edited one"
    return [*mine, other], ""


def panel(session: Session, rules: Sequence[SynapseModel], make: Callable[[], bytes | str], words: str,
          waiting: str = ""):
    """What a cell of the page shows: the picture or table that `make` returns, or one sentence; meanwhile "computing".

    words : what a picture shows. waiting : name of the button that is to be pressed before anything is computed, or "".
    """
    from marimo import Html, status

    if not rules:
        return Html("")
    if waiting:
        return Html(f'<div class="lab-fine">{words}: a rule is integrated in time steps; press "{waiting}"</div>')
    if session.is_quick(rules):
        made, said = attempt(make)
    else:
        with status.spinner(title="computing", remove_on_exit=True):
            made, said = attempt(make)
    return Html(refused(said) if said else picture(made, words) if isinstance(made, bytes) else made)


def mistake_html(mistake: Mistake | None) -> str:
    """The sentence of a mistake with its line's number; it marks the line in the editor, where it stands as well."""
    if mistake is None:
        return '<div class="lab-fine">The rule can be read.</div>'
    if not mistake.line:
        return refused(mistake.sentence)
    short = mistake.sentence.partition(" known: ")[0].rstrip(";")
    said = json.dumps(short, ensure_ascii=False).replace("<", "\\3c ")
    mark = f"<style>:root {{--lab-line-{mistake.line}: #fdecea; --lab-said-{mistake.line}: {said}}}</style>"
    return mark + refused(f"line {mistake.line}: {mistake.sentence}")


def picture(png: bytes, words: str) -> str:
    """An image that stands in the page itself. words : what it shows."""
    data = base64.b64encode(png).decode()
    return f'<img style="width:100%" alt="{html.escape(words)}" src="data:image/png;base64,{data}">'


def refused(said: str) -> str:
    """A sentence in place of a figure."""
    return f'<div class="lab-mistake">{html.escape(said)}</div>'
