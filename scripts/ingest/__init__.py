"""The way of a city's feed into the inbox: readers, mappings, folders, endpoints."""
