"""The language of a visitor, as a browser asks for it."""

from models.i18n import LANGUAGES


def preferred_language(accepted: str, default: str) -> str:
    """Return the language that an Accept-Language header likes best, `default` if it names none."""
    ranked = sorted(map(_ranked, accepted.split(",")), key=lambda pair: -pair[1])
    for language, weight in ranked:
        if language in LANGUAGES and weight > 0:
            return language
    return default


def _ranked(part: str) -> tuple[str, float]:
    """Return the language of a part of the header, without its region, and its weight."""
    tag, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
    try:
        return tag.split("-")[0], float(weight)
    except ValueError:
        return tag.split("-")[0], 0.0
