"""A throw-away area that stands after all others: wishlists.

It uses what no area needs in every form: paths with two ids, results below a row, a second key, and
additions to the resources of earlier areas. `checks.py` tests it in a process of its own, because
resources and tables are global; `tests/doors/test_later_area.py` starts that process.
"""
