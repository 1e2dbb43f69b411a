"""Asking models: an arm (`arm`), collecting its answers (`collect`) with a bar (`progress`), and the record of it."""
