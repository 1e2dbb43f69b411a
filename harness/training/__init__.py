"""Training: examples of a teacher, verified; a LoRA on them or a hosted job; the GGUF adapter."""

EXTRA = ("torch", "transformers", "peft", "gguf")  # what training on this machine needs: the extra `train`
