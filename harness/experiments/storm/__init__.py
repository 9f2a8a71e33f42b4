"""The same write storm under each admission policy: which of them stands it, and how well."""
