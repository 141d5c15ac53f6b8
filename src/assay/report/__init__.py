"""The page: figures and one self-contained HTML file, from results and a run folder's own files alone.

Computes no statistics (those are `assay.analyze`) and never imports torch.
"""
