"""The office: what the staff looks up about the shop itself, the audit, and what every caller asks of its budget: rate limit and price quotes.

Jobs and events come to live here.
"""
