"""From a website and best customers to a plan: evidence, discovery, profile, lookalikes."""
