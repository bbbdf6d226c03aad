"""The published curves of AICE beside mini's: numbers, fidelity, orders, and the page of them."""
