"""One reader a file format; all of them yield the same records."""
