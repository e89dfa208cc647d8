"""Every message there is, as it leaves."""
