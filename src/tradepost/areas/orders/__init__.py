"""Orders: placed from carts, with a snapshot of everything that was bought.

An order never changes with the catalogue or the customer. Payments, fulfilments and returns are
recorded on it through `service`.
"""
