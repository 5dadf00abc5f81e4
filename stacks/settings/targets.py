"""Settings of the targets that may be reached."""

from __future__ import annotations

from ipaddress import ip_network

from pydantic import field_validator

from homing.targets.address_guard import DEFAULT_PORTS, AddressGuard, Network

from .group import SettingsGroup, setting

_MAX_PORT = 65_535


class TargetSettings(SettingsGroup):
    """The settings of the address guard, which decides which targets may be reached."""

    allowed_ports: str = setting(
        ",".join(map(str, sorted(DEFAULT_PORTS))),
        "numbers from 1 to 65535, commas between them",
        "the ports that requests may go to",
    )
    allow_http: bool = setting(
        default=False,
        allowed="true, false",
        meaning="allows targets with `http://` as well as `https://`",
    )
    allowed_networks: str = setting(
        "",
        "networks such as 10.1.0.0/16, commas between them",
        "networks that may be reached although they are not public, over any port and `http` if "
        "the URL itself contains the address; leave it empty except for tests",
    )
    refused_networks: str = setting(
        "",
        "networks such as 203.0.113.0/24, commas between them",
        "networks that may not be reached although they are public, such as your own",
    )
    refused_hosts: str = setting(
        "",
        "host names such as hooks.example.com, commas between them",
        "hosts that may not be reached although they are public, such as custom domains of this "
        "stack's APIs; the APIs' own hosts are always refused",
        pattern=r"^[A-Za-z0-9_.,\- ]*$",
    )

    @field_validator("allowed_ports")
    @classmethod
    def _ports_in_range(cls, value: str) -> str:
        if not all(1 <= int(port) <= _MAX_PORT for port in value.split(",")):
            raise ValueError("a port is out of range")
        return value

    @field_validator("allowed_networks", "refused_networks")
    @classmethod
    def _networks_are_valid(cls, value: str) -> str:
        _networks(value)
        return value

    @property
    def address_guard(self) -> AddressGuard:
        """The address guard with these settings; it decides which targets may be reached."""
        return AddressGuard(
            allowed_ports=frozenset(map(int, self.allowed_ports.split(","))),
            allow_http=self.allow_http,
            allowed_networks=_networks(self.allowed_networks),
            refused_networks=_networks(self.refused_networks),
        ).refusing(self.refused_hosts.split(","))


def _networks(value: str) -> tuple[Network, ...]:
    return tuple(ip_network(each.strip()) for each in value.split(",") if each.strip())
