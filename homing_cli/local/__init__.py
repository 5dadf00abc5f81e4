"""The local cloud: an AWS emulator on this machine, with the real stack deployed to it."""

__all__ = ["deployment", "emulator", "local_cloud", "local_key"]
