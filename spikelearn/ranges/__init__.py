"""Which values a keyword of a protocol or a field of a recipe may have: ranges by name, derived or declared."""
