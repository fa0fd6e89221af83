"""System: the audit log for staff, and for every caller the rate limit and price quotes.

Jobs and events will be added here.
"""
