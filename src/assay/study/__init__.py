"""What is asked: the study file, its plan, its confounds. Imports nothing heavy."""
