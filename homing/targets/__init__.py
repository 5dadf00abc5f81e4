"""Where a request may go: target URLs and the addresses behind them."""
