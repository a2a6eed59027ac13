"""Filters for lists of networks and addresses. The module ipaddress of Python is enough for them."""
import ipaddress
import socket


def networks_of(values, version):
    """Returns the networks of one IP version. A host name is resolved on the control node."""
    found = []
    for value in values:
        try:
            network = ipaddress.ip_network(str(value), strict=False)
            addresses = [str(network) if network.num_addresses > 1 else str(network.network_address)]
        except ValueError:
            addresses = sorted({answer[4][0] for answer in socket.getaddrinfo(str(value), None, proto=socket.IPPROTO_TCP)})
        found += [address for address in addresses if ipaddress.ip_network(address).version == version]
    return sorted(set(found), key=lambda address: ipaddress.ip_network(address))


def wrong_networks(values):
    """Returns the values that are no address and no network in CIDR notation."""
    found = []
    for value in values:
        try:
            ipaddress.ip_network(str(value), strict=True)
        except ValueError:
            found.append(str(value))
    return found


def unresolved(values):
    """Returns the values that are no address, and no name that the control node can resolve."""
    found = []
    for value in values:
        try:
            networks_of([value], 4)
        except OSError:
            found.append(str(value))
    return found


def covers(values, address):
    """Returns whether one of the networks contains the address."""
    wanted = ipaddress.ip_address(str(address).split("%", maxsplit=1)[0])
    wanted = getattr(wanted, "ipv4_mapped", None) or wanted
    networks = [ipaddress.ip_network(str(value), strict=False) for value in values]
    return any(network.version == wanted.version and wanted in network for network in networks)


class FilterModule:
    """The filters of the role firewall."""

    def filters(self):
        """Returns the filters by their names."""
        return {
            "networks": networks_of,
            "wrong_networks": wrong_networks,
            "unresolved": unresolved,
            "covers": covers,
        }
