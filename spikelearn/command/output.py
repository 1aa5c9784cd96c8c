"""Output of a run: headline numbers on standard output, and the figure."""
import json
from io import BytesIO
from pathlib import Path


def print_headline(facts, as_json=False):
    """Headline numbers on standard output: aligned, with accepted range and source, or one JSON object."""
    from spikelearn.results.plain import plain

    if as_json:
        print(json.dumps({fact["name"]: plain(fact["value"]) for fact in facts}))
        return
    shown = [fact | {"shown": _short(fact["value"])} for fact in facts]
    names, numbers = (max((len(fact[key]) for fact in shown), default=0) for key in ("name", "shown"))
    for fact in shown:
        line = f"{fact['name']:{names}}  {fact['shown']:>{numbers}}"
        if "low" in fact:
            line += f"   accepted {fact['low']:g} to {fact['high']:g} ({fact['source']})"
            line += {True: "", False: "  MISSED", None: "  for the protocol's own models"}[fact["met"]]
        print(line)
    for claim in next((fact["value"] for fact in facts if fact["name"] == "claims"), ()):
        print(f"held in {claim['held']} of {claim['runs']}: {claim['claim']} ({claim['protocol']}; "
              f"{_short(claim['measured'])}, accepted {claim['expected']})")


def _short(value):
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, list):
        return f"{len(value)} entries"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def draw(module, result, directory):
    """Draw the protocol's figure into the folder; False if the protocol draws none."""
    from spikelearn.results.files import write_file

    if not hasattr(module, "plot"):
        return False
    write_file(Path(directory) / "figure.png", picture(module, result))
    return True


def picture(module, result, dpi=150):
    """The protocol's figure as PNG bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=getattr(module, "FIGURE_SIZE", (7, 4.5)), layout="constrained", dpi=dpi)
    FigureCanvasAgg(figure)
    module.plot(result, figure)
    engine, image = figure.get_layout_engine(), BytesIO()
    if engine is not None:                  # laid out once: savefig draws everything twice to lay it out
        engine.execute(figure)
        figure.set_layout_engine(None)
    figure.savefig(image, format="png", dpi=dpi)
    return image.getvalue()
