"""Writing a study's training curves and results to W&B, TensorBoard, MLflow or trackio (``assay run --track``).

`trackers` says how each of them is written to, `tracking` what is written and when. Nothing here decides anything: the
study's own files are complete without it, and no trouble with a tracker ends or delays a study.
"""
