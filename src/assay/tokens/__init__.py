"""From documents to the ids of a batch: tokenizer, shards, mixture, ledger."""
