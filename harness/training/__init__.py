"""Fine-tuning the embedded model: examples from a seeded grammar, a LoRA trained on them, the GGUF adapter made of it."""
