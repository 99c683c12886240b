"""The result of a check of `hotline doctor`."""

from dataclasses import dataclass

from models.i18n import N_

GOOD, NOTE, PROBLEM = N_("good"), N_("note"), N_("wrong")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check: `state` is good, note or wrong; `advice` says what to do."""

    check: str
    state: str
    text: str
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        """The result as `--json` prints it."""
        return {"check": self.check, "state": self.state, "told": self.text, "advice": self.advice}
