"""Find in a text what belongs to a person: numbers, names, the house in an address."""
