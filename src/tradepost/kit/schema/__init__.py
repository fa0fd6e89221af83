"""Schemas: validating input into Structs, patches, money, and the members of Structs."""
