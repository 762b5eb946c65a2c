"""The recorders that are compared: each adapter puts one behind the same few calls."""
