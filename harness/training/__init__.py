"""Training: examples of a teacher, verified; a LoRA on them or a hosted job; the GGUF adapter."""
