"""The regulation as pure functions: values in, values out, no store, no clock, no settings."""
