#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the databases of this directory: MaxMind DB format, version 2.0, as far as the tests need it.

usage: make.py DIRECTORY
"""
import ipaddress
import sys


def control(kind, length):
    first = (kind << 5 if kind < 8 else 0) | min(length, 29)
    return bytes([first] + ([kind - 7] if kind >= 8 else []) + ([length - 29] if length >= 29 else []))


def encode(value):
    """Numbers are pairs of their type and themselves."""
    if isinstance(value, str):
        text = value.encode()
        return control(2, len(text)) + text
    if isinstance(value, dict):
        return control(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, list):
        return control(11, len(value)) + b"".join(map(encode, value))
    kind, number = value
    octets = number.to_bytes(8, "big").lstrip(b"\0")
    return control({"u16": 5, "u32": 6, "u64": 9}[kind], len(octets)) + octets


def tree_of(entries):
    """A node has two branches: a node's number, the offset of data as a tuple, or None."""
    nodes, data, offsets = [[None, None]], b"", {}
    for text, value in entries:
        network = ipaddress.ip_network(text)
        bits = network.prefixlen + (96 if network.version == 4 else 0)
        octets = encode(value)
        if octets not in offsets:
            offsets[octets] = len(data)
            data += octets
        node = 0
        for i in range(bits):
            branch = int(network.network_address) >> (127 - i) & 1
            if i == bits - 1:
                nodes[node][branch] = (offsets[octets],)
            elif nodes[node][branch] is None:
                nodes.append([None, None])
                nodes[node][branch] = len(nodes) - 1
            node = nodes[node][branch]
    return nodes, data


def write(path, kind, entries):
    nodes, data = tree_of(entries)
    n = len(nodes)

    def record(branch):
        value = n if branch is None else branch if isinstance(branch, int) else n + 16 + branch[0]
        return value.to_bytes(3, "big")

    about = {
        "binary_format_major_version": ("u16", 2),
        "binary_format_minor_version": ("u16", 0),
        "build_epoch": ("u64", 1795305600),
        "database_type": kind,
        "description": {"en": "for tests"},
        "ip_version": ("u16", 6),
        "languages": ["en"],
        "node_count": ("u32", n),
        "record_size": ("u16", 24),
    }
    with open(path, "wb") as file:
        file.write(b"".join(record(b) for node in nodes for b in node) + bytes(16) + data)
        file.write(b"\xab\xcd\xefMaxMind.com" + encode(about))


write(sys.argv[1] + "/country.mmdb", "Test-Country", [
    ("203.0.113.0/24", {"country": {"iso_code": "NL"}}),
    ("2001:db8:bad::/48", {"country": {"iso_code": "JP"}}),
    ("198.51.100.0/25", {"registered_country": {"iso_code": "SE"}}),
])
write(sys.argv[1] + "/asn.mmdb", "Test-ASN", [
    ("203.0.113.0/25", {"autonomous_system_number": ("u32", 64496),
                        "autonomous_system_organization": "Example Networks"}),
    ("2001:db8::/32", {"autonomous_system_number": ("u32", 65551)}),
])
