"""Fine-tuning the embedded model: examples from a seeded grammar, a LoRA on them, the GGUF adapter made of it."""
