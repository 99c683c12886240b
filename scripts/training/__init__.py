"""Training and evaluation of the routing model."""
