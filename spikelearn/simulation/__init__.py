"""From records to Brian2 and back: networks, compiled programs, loops over rows."""
