"""From a built month to the bureau and back: the ledger, approval, release and answers."""
