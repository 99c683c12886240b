"""The views of tickets that commands print, and access to personal data."""
