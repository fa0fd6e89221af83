"""Doors: hinges that translate between the wire and the operations, and know no tables."""
