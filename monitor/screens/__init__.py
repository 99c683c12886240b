"""Each screen of the monitor."""
