"""How steps are run: identity, the artifact store, the local engine and its workers, progress."""
