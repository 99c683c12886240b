"""Peers: other libraries that do the same work on the same servers in their own way."""
