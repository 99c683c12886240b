"""The service under faults: every message must have the effects that it has without them."""
