"""How a MODEL argument becomes a module, and an input size becomes tensors."""
