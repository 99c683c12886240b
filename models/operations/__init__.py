"""Operations that change the store; the caller opens the transaction and commits it."""
