"""Where notices go, and how they get there."""
