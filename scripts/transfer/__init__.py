"""Carry a store: backups, restoring, moving to another database, exporting and importing."""
