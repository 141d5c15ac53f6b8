"""Training one path of a study: schedule, optimizer, checkpoints, loop."""
