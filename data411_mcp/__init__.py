"""One CRM lead in, a lead graph with proof for every fact out."""

from pathlib import Path

__version__ = "0.1.0"

# tools/ and prompts/ sit beside this package in a checkout and inside it in a wheel
# (pyproject.toml, force-include). Extending __path__ gives them one import name in both.
_checkout = Path(__file__).resolve().parent.parent
if (_checkout / "pyproject.toml").is_file():
    __path__.append(str(_checkout))
