"""Our side: the product's own processes, and a channel service whose providers are made for measuring."""
