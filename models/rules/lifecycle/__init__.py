"""The rules of a ticket's life, one file a subject of the regulation."""
