"""Print a summary of a newly trained routing model in a terminal."""

from collections.abc import Mapping

import typer

from models.i18n import _
from models.rules.routing.learned import Model


def deciding_threshold(model: Model) -> float | None:
    """Return the certainty from which the model decides, None if it is never sure enough."""
    return model.threshold if model.threshold <= 1 else None


def print_training(
    model: Model, letters: int, left_out: Mapping[str, int], lacking: int, version: int | None
) -> None:
    """Print what was learned and left out, and the model's version if it is in use."""
    text = _("{n} letters, {labels} labels")
    typer.echo(text.format(n=letters, labels=len(model.labels)))
    for name, n in left_out.items():
        typer.echo(_("left out: {label}, with {n} letters").format(label=name, n=n))
    if lacking:
        typer.echo(_("{n} rows without text or label").format(n=lacking))
    if (threshold := deciding_threshold(model)) is None:
        typer.echo(_("It is never sure enough to decide; it only proposes."))
    else:
        typer.echo(_("It decides from {p:.0%} certainty on, else it proposes.").format(p=threshold))
    if version is not None:
        typer.echo(_("Model {n} is in use.").format(n=version))
