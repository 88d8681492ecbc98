# SPDX-License-Identifier: Apache-2.0
"""What the clients of the soak saw, which faults were on, and whether the one explains the other."""

import collections
import threading
from dataclasses import dataclass

ODD = ('response_code', 'response_flags', 'response_code_details', 'upstream_host', 'upstream_transport_failure_reason', 'duration')
GRACE = 5.0  # after a fault: breakers half-open, health checks find out


@dataclass
class Fault:
    name: str
    services: tuple  # whose calls may fail meanwhile; empty: nothing may fail
    begin: float
    end: float = float('inf')


class Record:
    """Outcomes by kind; each is matched with the access log of the caller's sidecar by its request id. Threads: any."""

    def __init__(self):
        self.lock = threading.Lock()
        self.faults, self.unexplained, self.wrong_log = [], [], []
        self.calls = collections.Counter()  # (service, kind, 'ok' | 'failed')
        self.wait_log, self.wait_outcome = {}, {}  # by id: status; what has met is forgotten
        self.lines = 0
        self.odd = {}  # by id: what the log says of a call that is not as it should be

    def fault(self, name, services, now):
        fault = Fault(name, services, now)
        with self.lock:
            self.faults.append(fault)
        return fault

    def explains(self, service, begin, end):
        return any(service in f.services and begin <= f.end + GRACE and end >= f.begin for f in self.faults)

    def outcome(self, service, o):
        """A call has ended: {id, kind, begin, end, status, ok, why}."""
        with self.lock:
            self.calls[service, o['kind'], 'ok' if o['ok'] else 'failed'] += 1
            wrong = any(word in o.get('why', '') for word in ('WRONG', 'CLEANLY'))  # no fault is an excuse for these
            if not o['ok'] and (wrong or not self.explains(service, o['begin'], o['end'])):
                self.unexplained.append({'service': service, **o})
            self._match(o['id'], outcome=o['status'])

    def logged(self, line):
        """A line of the access log."""
        with self.lock:
            self.lines += 1
            if line['response_code'] != 200 or line['response_flags'] != '-':
                self.odd[line['request_id']] = {k: line[k] for k in ODD}
            self._match(line['request_id'], logged=line['response_code'])

    def _match(self, id, outcome=None, logged=None):
        if outcome is None:
            outcome = self.wait_log.pop(id, None)
        elif logged is None:
            logged = self.wait_outcome.pop(id, None)
        if outcome is None:
            self.wait_outcome[id] = logged
        elif logged is None:
            self.wait_log[id] = outcome
        elif outcome and outcome != logged:  # 0: the client saw no whole answer, the log may know of one
            self.wrong_log.append((id, outcome, logged))

    def without_log(self):
        """Calls that had an answer and are in no log line."""
        return [id for id, status in self.wait_log.items() if status]

    def puzzles(self):
        """What no fault explains, with what the log says of it."""
        return [{**o, **self.odd.get(o['id'], {})} for o in self.unexplained]

    def table(self):
        kinds = sorted({(service, kind) for service, kind, _ in self.calls})
        for service, kind in kinds:
            bad = sum(1 for o in self.unexplained if (o['service'], o['kind']) == (service, kind))
            yield service, kind, self.calls[service, kind, 'ok'], self.calls[service, kind, 'failed'], bad
