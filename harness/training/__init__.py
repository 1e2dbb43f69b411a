"""Fine-tuning the embedded model: examples from a seeded grammar, a LoRA on them, the GGUF adapter made of it."""

EXTRA = ("torch", "transformers", "peft", "gguf")  # what training on this machine needs: the extra `train`
