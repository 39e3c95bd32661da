"""The ideal customer profile: from best customers to ranked lookalikes. Pure."""
