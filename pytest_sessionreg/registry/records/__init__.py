"""What the stores give back: frozen records, one module per store; loaded when first read, for hooks start cold."""
