"""Use cases of the ICP finder: conversation, threads, plan, enrichment, delivery."""
