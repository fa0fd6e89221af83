"""Operations: service methods that both doors call, with their prices, quotes and idempotency."""
