"""Documents: parsing results, limits, requests and trusted documents."""
