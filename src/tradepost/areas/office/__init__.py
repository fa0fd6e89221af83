"""The office: what the staff looks up about the shop itself. Today the audit; jobs, events, rate limit and price quotes come to live here."""
