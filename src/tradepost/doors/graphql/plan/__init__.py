"""Plans: the root fields of a document, compiled to operations and Selections."""
