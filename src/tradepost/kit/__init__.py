"""Building blocks of the services: no business words, no web framework."""
