#!/usr/bin/python3
"""A backend for plugin grpc: A and AAAA records from a SQLite database. Debian: python3-grpcio python3-dnspython.

    backend.py [--listen 127.0.0.1:8053] [--cert FILE --key FILE] example.com. addresses.db

The database is looked at for every question, so that a changed row is served at once:

    sqlite3 addresses.db "INSERT INTO addresses VALUES ('www.example.com.', '192.0.2.1', 60)"

dns.proto is the service. It is small enough that the messages are read and written by hand here; with other
languages let protoc do that."""

import argparse
import concurrent.futures
import ipaddress
import sqlite3
import sys
import threading

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import grpc

TABLE = "CREATE TABLE IF NOT EXISTS addresses (name TEXT NOT NULL, address TEXT NOT NULL, ttl INTEGER NOT NULL DEFAULT 60)"
INDEX = "CREATE INDEX IF NOT EXISTS by_name ON addresses (name)"
SOA = "ns.{zone} hostmaster.{zone} 1 7200 3600 1209600 60"


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def packet_write(message):
    """message DnsPacket { bytes msg = 1; }"""
    return b"\x0a" + varint(len(message)) + message


def packet_read(data):
    if data[:1] != b"\x0a":
        raise ValueError("no DnsPacket")
    at, length, shift = 1, 0, 0
    while True:
        length |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            break
    return data[at:at + length]


class Database:
    """One connection for each thread."""

    def __init__(self, path):
        self.path = path
        self.local = threading.local()
        self.execute(TABLE)
        self.execute(INDEX)

    def execute(self, *statement):
        if not hasattr(self.local, "connection"):
            self.local.connection = sqlite3.connect(self.path)
        with self.local.connection as connection:
            return connection.execute(*statement).fetchall()

    def addresses(self, name):
        return self.execute("SELECT address, ttl FROM addresses WHERE name = ?", (name,))


class Backend:
    def __init__(self, zone, database):
        self.zone = dns.name.from_text(zone)
        self.database = database

    def query(self, wire, context):
        question = dns.message.from_wire(wire)
        reply = dns.message.make_response(question)
        reply.flags |= dns.flags.AA
        name, rdtype = question.question[0].name, question.question[0].rdtype
        if not name.is_subdomain(self.zone):
            reply.set_rcode(dns.rcode.REFUSED)
            return reply.to_wire()
        rows = self.database.addresses(name.to_text().lower())
        for address, ttl in rows:
            kind = "AAAA" if ipaddress.ip_address(address).version == 6 else "A"
            if dns.rdatatype.to_text(rdtype) == kind:
                reply.find_rrset(reply.answer, name, 1, rdtype, create=True).update(
                    dns.rrset.from_text(name, ttl, "IN", kind, address))
        if not reply.answer:  # the SOA record says how long that holds (RFC 2308 3)
            if not rows and name != self.zone:
                reply.set_rcode(dns.rcode.NXDOMAIN)
            reply.authority.append(dns.rrset.from_text(self.zone, 60, "IN", "SOA", SOA.format(zone=self.zone)))
        return reply.to_wire()


def serve(backend, listen, credentials=None, workers=8):
    """A started grpc.Server, and its port."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=workers))
    method = grpc.unary_unary_rpc_method_handler(backend.query, packet_read, packet_write)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("coredns.dns.DnsService", {"Query": method})])
    port = server.add_secure_port(listen, credentials) if credentials else server.add_insecure_port(listen)
    server.start()
    return server, port


def main():
    parser = argparse.ArgumentParser(description="A and AAAA records from SQLite, for plugin grpc")
    parser.add_argument("--listen", default="127.0.0.1:8053")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("zone")
    parser.add_argument("database")
    options = parser.parse_args()
    credentials = None
    if options.cert:
        with open(options.cert, "rb") as cert, open(options.key, "rb") as key:
            credentials = grpc.ssl_server_credentials([(key.read(), cert.read())])
    server, port = serve(Backend(options.zone, Database(options.database)), options.listen, credentials)
    print(f"port {port}", flush=True)
    try:
        server.wait_for_termination()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
