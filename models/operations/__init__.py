"""What changes the store, one transaction each; the edge opens it and commits."""
