"""The figures and claims of the papers, and the code that recomputes and judges them."""
