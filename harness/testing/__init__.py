"""A loopback OpenAI server for tests: real sockets, scripted replies and faults, everything recorded."""
