"""forward: questions that are asked of an upstream each time, beside dnsdist and Unbound, on one core each."""

import relay


def run(settings):
    yield relay.compare(settings, "forwarded answers per second of one core", 100000, cached=False)
