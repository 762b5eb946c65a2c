"""What recording costs: measured, not part of what is installed."""
