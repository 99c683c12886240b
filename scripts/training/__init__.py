"""What letters teach about units: reading labelled letters, training, and how good it is."""
