"""Resources, their filters and sort keys, and what a request selects of them."""
