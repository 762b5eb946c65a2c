"""Decisions: which streams are wanted, which attempt is under way, which effects follow. No await, clock or socket."""
