"""Where answers come from: specs, the client of OpenAI-compatible endpoints, the embedded model, recordings."""
