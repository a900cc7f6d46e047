"""Running of notebooks: the sandbox, its limits, warm processes, and the engine."""
