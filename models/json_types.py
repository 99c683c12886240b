"""Names for JSON data."""

from typing import Any, TypeAlias

Json: TypeAlias = Any
"""Any JSON value.

No recursive union: whoever reads stored JSON knows its shape already, and would have to narrow
every step of it for the type checker alone.
"""

JsonObject: TypeAlias = dict[str, Json]
"""A JSON object; what reads one without changing it takes `Mapping[str, Json]`."""
