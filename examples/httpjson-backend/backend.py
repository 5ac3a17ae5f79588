#!/usr/bin/python3
"""A backend for plugin httpjson: records of any type from a SQLite database, by the standard library alone.

    backend.py [--listen 127.0.0.1:8080] example.com. records.db

The database is looked at for every question, so that a changed row is served at once:

    sqlite3 records.db "INSERT INTO records VALUES ('www.example.com.', 'A', 60, '192.0.2.1')"

The question comes as GET /resolve?name=www.example.com.&type=A, the answer goes as the public JSON DNS APIs write
it. Data are written as in a zone file."""

import argparse
import http.server
import json
import sqlite3
import sys
import threading
import urllib.parse

TABLE = "CREATE TABLE IF NOT EXISTS records (name TEXT NOT NULL, type TEXT NOT NULL, ttl INTEGER NOT NULL, data TEXT NOT NULL)"
INDEX = "CREATE INDEX IF NOT EXISTS by_name ON records (name)"
SOA = "ns.{zone} hostmaster.{zone} 1 7200 3600 1209600 60"
NOERROR, NXDOMAIN, REFUSED = 0, 3, 5


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

    def records(self, name):
        return self.execute("SELECT name, type, ttl, data FROM records WHERE name = ?", (name,))


def answer(zone, database, name, rdtype):
    name = name.lower()
    reply = {"Status": NOERROR, "AA": True, "Question": [{"name": name, "type": rdtype}]}
    if name != zone and not name.endswith("." + zone):
        return reply | {"Status": REFUSED, "AA": False}
    rows = database.records(name)
    found = [row for row in rows if row[1] in (rdtype, "CNAME")]
    reply["Answer"] = [dict(zip(("name", "type", "TTL", "data"), row)) for row in found]
    if not found:  # the SOA record says how long that holds (RFC 2308 3)
        reply["Status"] = NOERROR if rows or name == zone else NXDOMAIN
        reply["Authority"] = [{"name": zone, "type": "SOA", "TTL": 60, "data": SOA.format(zone=zone)}]
    return reply


def handler(zone, database):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are used again
        disable_nagle_algorithm = True

        def do_GET(self):
            words = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
            body = json.dumps(answer(zone, database, words["name"], words["type"])).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/dns-json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def serve(zone, database, listen):
    """An http.server that listens; its serve_forever() answers."""
    host, port = listen.rsplit(":", 1)
    server = http.server.ThreadingHTTPServer((host, int(port)), handler(zone, database))
    server.daemon_threads = True
    return server


def main():
    parser = argparse.ArgumentParser(description="records from SQLite, for plugin httpjson")
    parser.add_argument("--listen", default="127.0.0.1:8080")
    parser.add_argument("zone")
    parser.add_argument("database")
    options = parser.parse_args()
    server = serve(options.zone, Database(options.database), options.listen)
    print(f"port {server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
