"""Updates that no platform would send, and what becomes of them."""
