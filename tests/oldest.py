"""The oldest versions that setup.cfg allows, for pip: `make test-oldest` installs them and runs tests with them."""
import configparser
from pathlib import Path

from packaging.requirements import Requirement


def oldest(extras=("test",)):
    """["numpy==2.0", ...]: every requirement of this Python at its lower bound; one without a bound as it is."""
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parent.parent / "setup.cfg")
    lines = [setup["options"]["install_requires"], *(setup["options.extras_require"][extra] for extra in extras)]
    found = [Requirement(line) for text in lines for line in text.splitlines() if line and not line.startswith("#")]
    return [_lowest(one) for one in found if one.marker is None or one.marker.evaluate()]


def _lowest(requirement):
    """A requirement at its lower bound: >= 2.0, or == 2.9.*, whose first is 2.9.0."""
    bounds = [one.version for one in requirement.specifier if one.operator in (">=", "==")]
    return "==".join([requirement.name, *(bound.replace(".*", ".0") for bound in bounds)])


if __name__ == "__main__":
    print("\n".join(oldest()))
