"""Readers of city feeds: files in, messages for the inbox out; nothing here knows a database."""
