"""Learning management systems: a protocol, one module for each system, and shared code."""
