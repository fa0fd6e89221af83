"""Rate limits: token buckets of points, the meter of one request, and login attempts."""
