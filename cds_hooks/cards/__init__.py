"""Values in, cards out: pure. Every sentence a clinician reads on a card is written here."""
