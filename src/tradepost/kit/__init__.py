"""Ideas that know no shop and no web: operation, selection, resource, and what they stand on."""
